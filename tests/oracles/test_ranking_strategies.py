"""Ranking losses against loops over pairs, and what training by them promises."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics

from roadworthy.checks.performance.accuracy import Accuracy
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import InputError
from roadworthy.core.finding import Verdict
from roadworthy.core.progress import Silent
from roadworthy.core.yardstick import Yardstick
from roadworthy.recipes import MLP
from roadworthy.strategies import LabelSmoothing, LambdaRank, ListNet, RankingSVM, RankNet
from roadworthy.strategies.rankings import queries_together
from roadworthy.training.plan import Batch
from roadworthy.training.trained import defended, plan_of
from roadworthy.workflows.compare import compare
from roadworthy.workflows.selecting import select
from roadworthy.workflows.training import label_order, train
from tests.datasets import judge, table

QUERY = torch.tensor([0, 1, 0, 0, 1, 2, 1, 0, 1, 1])
GRADE = torch.tensor([2, 0, 1, 2, 3, 1, 0, 0, 1, 3])
WEIGHT = [1.0, 2.0, 0.5, 1.0, 1.0, 3.0, 1.0, 1.5, 1.0, 0.25]


def rows(task=Task.ORDINAL, y=GRADE):
    x = np.random.default_rng(0).normal(size=(20, 3))
    columns = {"query": np.concatenate([QUERY, QUERY])}
    is_test = np.arange(20) >= 10
    roles = Roles(group="query")
    return table(x, np.concatenate([y, y]), is_test, columns=columns, roles=roles, task=task)


def no_loss(raw, targets):
    """Stand for what the thresholds on the score learn by."""
    return 0 * raw[:, 0]


def loss_and_slopes(strategy):
    """The objective of ten rows by their scores, without the part that learns thresholds."""
    data = rows()
    plan = plan_of(defended(MLP(), (strategy,)), data, data.train, 0, Silent())
    scores = torch.randn(10, 1, generator=torch.Generator().manual_seed(4), requires_grad=True)
    batch = Batch(
        scores,
        GRADE,
        GRADE,
        torch.arange(10),
        0.0,
        torch.tensor(WEIGHT),
        criterion=no_loss,
    )
    loss = plan.objective(torch.nn.Identity(), batch)
    loss.backward()
    return scores.detach()[:, 0].tolist(), float(loss.detach()), scores.grad[:, 0].tolist()


def better_pairs():
    for i in range(10):
        for j in range(10):
            if QUERY[i] == QUERY[j] and GRADE[i] > GRADE[j]:
                yield i, j, WEIGHT[i] * WEIGHT[j]


def test_ranknets_loss_and_slopes_are_those_of_the_paper():
    s, loss, slopes = loss_and_slopes(RankNet())
    total, expected, weights = 0.0, [0.0] * 10, 0.0
    for i, j, weight in better_pairs():
        total += weight * math.log(1 + math.exp(-(s[i] - s[j])))
        pull = weight / (1 + math.exp(s[i] - s[j]))
        expected[i], expected[j], weights = expected[i] - pull, expected[j] + pull, weights + weight
    assert loss == pytest.approx(total / weights, rel=1e-5)
    np.testing.assert_allclose(slopes, np.array(expected) / weights, rtol=1e-4, atol=1e-6)


def test_the_pairwise_hinge_pulls_pairs_within_the_margin():
    s, loss, slopes = loss_and_slopes(RankingSVM(margin=0.5))
    total, expected, weights = 0.0, [0.0] * 10, 0.0
    for i, j, weight in better_pairs():
        weights += weight
        if s[i] - s[j] < 0.5:
            total += weight * (0.5 - s[i] + s[j])
            expected[i], expected[j] = expected[i] - weight, expected[j] + weight
    assert loss == pytest.approx(total / weights, rel=1e-5)
    np.testing.assert_allclose(slopes, np.array(expected) / weights, rtol=1e-4, atol=1e-6)


def test_listnet_compares_who_comes_first_query_by_query():
    s, loss, slopes = loss_and_slopes(ListNet())
    total, expected = 0.0, [0.0] * 10
    for query in range(3):
        inside = [i for i in range(10) if QUERY[i] == query]
        e_s, e_y = (sum(math.exp(v[i]) for i in inside) for v in (s, GRADE.tolist()))
        wanted = {i: WEIGHT[i] * math.exp(GRADE[i]) / e_y for i in inside}
        for i in inside:
            p = math.exp(s[i]) / e_s
            total -= wanted[i] * math.log(p)
            expected[i] += p * sum(wanted.values()) - wanted[i]
    assert loss == pytest.approx(total / 3, rel=1e-5)
    np.testing.assert_allclose(slopes, np.array(expected) / 3, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gain", ["linear", "exponential"])
def test_lambdaranks_slopes_are_the_papers_lambdas(gain):
    s, _, slopes = loss_and_slopes(LambdaRank(gain=gain))
    gains = [float(g) if gain == "linear" else 2.0**g - 1 for g in GRADE.tolist()]
    place, best = {}, {}
    for query in range(3):
        inside = [i for i in range(10) if QUERY[i] == query]
        for k, i in enumerate(sorted(inside, key=lambda i: -s[i])):
            place[i] = k + 1
        ideal = sorted((gains[i] for i in inside), reverse=True)
        best[query] = sum(g / math.log2(k + 2) for k, g in enumerate(ideal))
    expected = [0.0] * 10
    for i, j, weight in better_pairs():
        moved = abs(gains[i] - gains[j]) * abs(
            1 / math.log2(1 + place[i]) - 1 / math.log2(1 + place[j])
        )
        pull = weight * moved / best[int(QUERY[i])] / (1 + math.exp(s[i] - s[j]))
        expected[i], expected[j] = expected[i] - pull, expected[j] + pull
    np.testing.assert_allclose(slopes, np.array(expected) / 3, rtol=1e-4, atol=1e-6)


def test_rows_of_a_query_follow_each_other_and_queries_come_at_random():
    query = torch.randint(0, 12, (100,), generator=torch.Generator().manual_seed(0))
    order = queries_together(query)
    torch.manual_seed(1)
    drawn = [order(torch.randperm(100)) for _ in range(2)]
    for rows_of in drawn:
        assert rows_of.sort().values.tolist() == list(range(100))
        assert int((query[rows_of].diff() != 0).sum()) == 11
    assert not torch.equal(query[drawn[0]], query[drawn[1]])


def prices(n=240, seed=0):
    """Rows of queries of eight, whose level says nothing about the order within them."""
    generator = np.random.default_rng(seed)
    query = np.arange(n) // 8
    x = generator.normal(size=(n, 3))
    x[:, 2] = generator.normal(size=n // 8)[query]
    y = x[:, 0] + 0.3 * generator.normal(size=n) + 20 * x[:, 2] ** 2
    return table(
        x,
        y,
        query % 3 == 2,
        columns={"query": query},
        roles=Roles(group="query"),
        task=Task.REGRESSION,
    )


def tau_within(data, model):
    score, query = model(data.test.x).flatten().numpy(), data.test.columns["query"]
    y = data.test.y.numpy()
    return np.mean(
        [stats.kendalltau(score[query == q], y[query == q]).statistic for q in np.unique(query)]
    )


@pytest.mark.parametrize("strategy", [RankNet(), ListNet(), LambdaRank(), RankingSVM()], ids=str)
def test_what_orders_rows_within_queries_is_learned_where_the_level_hides_it(strategy):
    data = prices()
    ranked = defended(MLP(epochs=60), (strategy,)).fit(data, data.train, 0, Silent())
    assert tau_within(data, ranked) > 0.6


def test_a_model_that_ranks_is_judged_by_the_order_within_groups():
    data = prices()
    ranked = defended(MLP(epochs=60), (RankNet(),)).fit(data, data.train, 0, Silent())
    (finding,) = judge(Accuracy(), data, ranked)
    assert finding.verdict is Verdict.PASS
    assert finding.estimate.value == pytest.approx(tau_within(data, ranked))
    assert [measure.name.split(" within")[0] for measure in finding.measures] == [
        "mean NDCG of the first 10",
        "mean average precision",
    ]
    (finding,) = judge(Accuracy(), replace(data, roles=Roles()), ranked)
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "pass --group" in finding.reason


def test_of_classes_it_is_also_told_how_good_the_first_places_are():
    data = prices()
    y = np.digitize(np.concatenate([part.y for part in data.splits]), [0.5, 2, 8])
    data = table(
        np.concatenate([part.x for part in data.splits]),
        y,
        np.arange(240) >= len(data.train),
        columns={"query": np.concatenate([part.columns["query"] for part in data.splits])},
        roles=data.roles,
        task=Task.ORDINAL,
    )
    ranked = defended(MLP(epochs=20), (LambdaRank(),)).fit(data, data.train, 0, Silent())
    (finding,) = judge(Accuracy(), data, ranked)
    found = next(m for m in finding.measures if m.name.startswith("mean NDCG")).value
    scores, query = ranked(data.test.x).softmax(1) @ torch.arange(4.0), data.test.columns["query"]
    grades = data.test.y.numpy()
    inside = [q for q in np.unique(query) if np.ptp(grades[query == q]) > 0]
    expected = [
        metrics.ndcg_score([2.0 ** grades[query == q] - 1], [scores.numpy()[query == q]], k=10)
        for q in inside
    ]
    assert found == pytest.approx(np.mean(expected), abs=1e-6)
    plain = MLP(epochs=2).fit(data, data.train, 0, Silent())
    (finding,) = judge(Accuracy(), data, plain)
    assert not any("NDCG" in measure.name for measure in finding.measures)


def test_what_ranks_is_compared_by_the_order_within_groups():
    study = compare(
        prices(720), ["mlp", "ranknet", "random-forest"], labels=[40, 160], seeds=3, passes=8000
    )
    assert (study.by, study.units) == (Yardstick.ORDER, "groups")
    assert study.chosen.shape[3] + study.told.shape[3] == 30
    assert study.entry("ranknet", 160).verdict == "better"
    assert study.entry("ranknet", 160).score.value > 0.5
    assert "of tau" in study.sentence


def test_of_what_ranks_a_training_says_how_well_it_does():
    data = prices()
    found = train(data, "mlp+ranknet")
    assert found.score.value == pytest.approx(tau_within(data, found.model))
    alone = train(replace(data, roles=Roles()), "mlp+ranknet")
    scores = alone.model(data.test.x).numpy()
    expected = stats.kendalltau(scores, data.test.y).statistic
    assert alone.score.value == pytest.approx(expected)
    assert alone.score.name == "Kendall's tau-b"


def test_an_order_of_unnamed_groups_is_not_compared():
    with pytest.raises(InputError, match="--group"):
        compare(replace(prices(), roles=Roles()), ["mlp", "ranknet"], labels=[40], seeds=2)


def test_picked_rows_are_not_judged_by_an_order():
    with pytest.raises(InputError, match="order"):
        select(prices(), 20, "random", recipe="ranknet")


def test_where_an_order_is_learned_whole_groups_are_labelled():
    data = prices()
    order = label_order(data, Yardstick.ORDER, 0)
    assert sorted(order.tolist()) == list(range(len(data.train)))
    assert int((np.diff(data.train.columns["query"][order]) != 0).sum()) == 19
    assert not torch.equal(order, label_order(data, Yardstick.ORDER, 1))


def test_without_a_group_all_rows_are_of_one_query():
    data = replace(rows(), roles=Roles())
    plan = plan_of(defended(MLP(), (RankNet(),)), data, data.train, 0, Silent())
    assert plan.order is None
    with_groups = plan_of(defended(MLP(), (RankNet(),)), rows(), data.train, 0, Silent())
    batch = Batch(data.train.x, GRADE, GRADE, torch.arange(10), 0.0, criterion=no_loss)
    body = torch.nn.Linear(3, 1)
    assert plan.objective(body, batch) != with_groups.objective(body, batch)


def test_a_step_without_a_pair_teaches_nothing_and_breaks_nothing():
    data = rows()
    for strategy in (RankNet(), LambdaRank(), RankingSVM()):
        plan = plan_of(defended(MLP(), (strategy,)), data, data.train, 0, Silent())
        body = torch.nn.Linear(3, 1)
        one = torch.tensor([5])
        batch = Batch(
            data.train.x[one],
            GRADE[one],
            GRADE[one],
            one,
            0.0,
            criterion=lambda raw, y: 0 * raw[:, 0],
        )
        plan.objective(body, batch).backward()
        assert not body.weight.grad.any()


def test_of_numbers_the_score_is_given_as_it_is_and_the_recipes_head_is_gone():
    data = prices()
    plan = plan_of(defended(MLP(), (RankNet(),)), data, data.train, 0, Silent())
    assert [part.name for part in plan.parts][-2:] == ["mlp", "score"]


def test_soft_labels_of_label_smoothing_keep_the_order_of_classes():
    data = rows()
    both = (LabelSmoothing(), RankNet())
    model = defended(MLP(epochs=2), both).fit(data, data.train, 0, Silent())
    assert model(data.test.x).isfinite().all()


def test_too_few_groups_to_judge_an_order_are_said_before_the_training():
    data = prices(80)
    with pytest.raises(InputError, match="3 groups of the test split"):
        train(data, "mlp+ranknet")
