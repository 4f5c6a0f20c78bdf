from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.artifacts.adversarial_examples import MOST_OTHERS, other_inputs
from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.checks.robustness.rank_jumps import RankJumps
from roadworthy.core.artifact import Subject
from roadworthy.core.dataset import Task
from roadworthy.core.effort import Effort
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Offer
from roadworthy.core.progress import Silent
from roadworthy.recipes import MLP
from roadworthy.workflows.chosen_items import choose_items
from roadworthy.workflows.defenses import DEFENSES
from tests.datasets import blobs, judge, numbers, table
from tests.models import GRADED, LinearModel, Logistic

SMALL = Effort("test", attacked=100, shadows=1, judged=100)
BUDGETS = {"linf": 0.3, "l2": 0.5}
AT = RankJumps(eps_linf_table=BUDGETS["linf"], eps_l2_table=BUDGETS["l2"])
SEARCHED = frozenset({Offer.LABELS, Offer.SCORES})
WEIGHT = torch.tensor([1.0, -0.8, 0.5, 0.3])


def graded(n=300, classes=7, slope=1.0):
    """Grades by the sum of four weighted columns and noise, with room around every row."""
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(n, 4))).float()
    noise = torch.from_numpy(np.random.default_rng(1).normal(size=n)).float()
    y = rank(slope * (x @ WEIGHT) + 0.6 * noise, classes)
    data = table(x, y, np.arange(n) % 3 == 2, task=Task.ORDINAL)
    features = tuple(replace(feature, low=-100.0, high=100.0) for feature in data.features)
    return replace(data, features=features)


def rank(score, classes):
    """Give the ranks of scores, the middle one at 0."""
    return (score + classes // 2).round().clamp(0, classes - 1).long()


class Ruler(LinearModel):
    """Answers with the rank that is nearest to a score, which is linear in the columns."""

    def __init__(self, classes=7, slope=1.0, offers=GRADED):
        place = torch.arange(classes) - classes // 2
        weight = slope * WEIGHT[:, None] * place
        super().__init__(weight, -place.square() / 2.0, (4,), Task.ORDINAL)
        self.spec = replace(self.spec, offers=offers)


class Rounded(Ruler):
    """Sees its inputs in steps, so that no gradient leads anywhere."""

    def forward(self, x):
        return super().forward(torch.round(x * 50) / 50)


def truth(data, norm, classes=7, slope=1.0, effort=SMALL):
    """Give true ranks, distances and the largest ones within the ball, all (R,), by formula.

    The score moves by the budget times the dual norm of its weights, in units of each column.
    """
    rows = drawn_rows(Subject(Ruler(classes, slope), data, effort=effort), effort.attacked)
    unit = torch.tensor([feature.scale for feature in data.features])
    dual = torch.linalg.vector_norm(slope * WEIGHT * unit, 1 if norm == "linf" else 2)
    y, score = data.test.y[rows], slope * (data.test.x[rows] @ WEIGHT)
    ends = [rank(score + side * BUDGETS[norm] * dual, classes) for side in (-1, 1)]
    return y, (rank(score, classes) - y).abs(), torch.stack([(e - y).abs() for e in ends]).amax(0)


@pytest.mark.parametrize("slope", [1.0, 3.0])
def test_the_farthest_rank_of_a_linear_score_is_found_on_every_row(slope):
    data = graded(slope=slope)
    for finding in judge(AT, data, Ruler(slope=slope), SMALL):
        y, before, after = truth(data, finding.scope, slope=slope)
        clean, attacked, largest = finding.measures
        # no attack goes farther than the formula, so equal means are equal rows
        assert clean.value == pytest.approx(float(before.double().mean()))
        assert attacked.value == pytest.approx(float(after.double().mean()))
        push = after - before
        assert finding.estimate.value == pytest.approx(float((push >= 2).double().mean()))
        assert finding.estimate.n == len(y) == 100
        assert largest.value == int(push.max())
        assert not finding.alarms


def test_the_table_tells_true_ranks_apart():
    data = graded(slope=3.0)
    finding, _ = judge(AT, data, Ruler(slope=3.0), SMALL)
    y, before, after = truth(data, "linf", slope=3.0)
    assert len(finding.tables[0].rows) == len(y.unique())
    for name, n, clean, attacked, pushed, largest in finding.tables[0].rows:
        here = y == data.classes.index(name)
        push = (after - before)[here]
        assert n == int(here.sum())
        assert clean == pytest.approx(float(before[here].double().mean()))
        assert attacked == pytest.approx(float(after[here].double().mean()))
        assert pushed == pytest.approx(float((push >= 2).double().mean()))
        assert largest == int(push.max())


def test_the_figure_counts_rows_by_how_far_their_answers_are_off():
    data = graded(slope=3.0)
    for finding in judge(AT, data, Ruler(slope=3.0), SMALL):
        _, *distances = truth(data, finding.scope, slope=3.0)
        for line, distance in zip(finding.figures[0].series, distances, strict=True):
            shares = [float((distance >= int(k)).double().mean()) for k in line.x]
            assert line.y == pytest.approx(shares)


def test_ranks_far_apart_pass_and_ranks_close_together_fail():
    for finding in judge(AT, graded(slope=0.5), Ruler(slope=0.5), SMALL):
        assert finding.verdict is Verdict.PASS
        assert finding.measures[2].value == 1  # answers change all the same
    for finding in judge(AT, graded(slope=5.0), Ruler(slope=5.0), SMALL):
        assert finding.verdict is Verdict.FAIL


def test_rows_that_are_pushed_farthest_are_shown_as_they_became():
    data = graded(slope=3.0)
    finding, _ = judge(AT, data, Ruler(slope=3.0), SMALL)
    _, before, after = truth(data, "linf", slope=3.0)
    (shown,) = finding.examples
    farthest = (after - before).sort(descending=True).values[: len(shown.rows)].tolist()
    assert [int(words.split()[0]) for words in shown.details] == farthest
    assert shown.total == int((after > before).sum())


@pytest.mark.parametrize(
    ("offers", "rows"), [(SEARCHED, 100), (frozenset({Offer.LABELS}), 20)], ids=["scores", "labels"]
)
def test_a_model_without_gradients_is_searched_and_never_beyond_the_truth(offers, rows):
    data = graded(slope=3.0)
    for finding in judge(AT, data, Ruler(slope=3.0, offers=offers), SMALL):
        _, before, after = (each[:rows] for each in truth(data, finding.scope, slope=3.0))
        clean, attacked, _ = finding.measures
        assert finding.estimate.n == rows
        assert clean.value == pytest.approx(float(before.double().mean()))
        assert attacked.value <= float(after.double().mean()) + 1e-9
        # a search reaches the farthest rank, or the one before it, on most rows
        assert attacked.value - clean.value > 0.7 * float((after - before).double().mean())


@pytest.mark.parametrize("kind", [Rounded, lambda slope: Ruler(slope=0.0)], ids=["steps", "flat"])
def test_a_model_without_a_gradient_to_follow_never_passes(kind):
    for finding in judge(AT, graded(slope=0.5), kind(slope=0.5), SMALL):
        assert finding.verdict is not Verdict.PASS
        assert "zero-gradients" in {alarm.name for alarm in finding.alarms}


def test_of_many_ranks_ten_are_aimed_at_with_both_ends():
    classes = 25
    data = graded(n=900, classes=classes, slope=4.0)
    model = Ruler(classes, 4.0)
    targets = {run.target for run in AT.needs(Subject(model, data)) if getattr(run, "target", "")}
    assert len(targets) == 10
    assert {data.classes[0], data.classes[-1]} <= targets
    for finding in judge(AT, data, model, SMALL):
        assert "10 of 25 ranks were aimed at" in finding.claim
        *_, after = truth(data, finding.scope, classes, 4.0)
        clean, attacked, _ = finding.measures
        assert clean.value < attacked.value <= float(after.double().mean()) + 1e-9


def test_a_rank_without_training_rows_is_not_aimed_at():
    data = graded()
    train = data.train.take(data.train.y != 6)
    data = replace(data, splits=(train, data.test))
    for finding in judge(AT, data, Ruler(), SMALL):
        assert "6 of 7 ranks were aimed at" in finding.claim


def test_an_attack_can_start_from_a_class_that_only_late_training_rows_have():
    n = MOST_OTHERS + 10
    y = np.zeros(n, dtype=int)
    y[-3:] = 2, 1, 2
    data = table(np.arange(n)[:, None], y, np.arange(n) < 1)
    x, classes = other_inputs(data.train)
    assert torch.equal(x[:MOST_OTHERS], data.train.x[:MOST_OTHERS])
    assert x[MOST_OTHERS:, 0].tolist() == [n - 3, n - 2]
    assert classes[MOST_OTHERS:].tolist() == [2, 1]


def test_a_network_is_proposed_adversarial_training_within_the_budget():
    data = graded(n=150)
    model = MLP(epochs=2).fit(data, data.train, 0, Silent())
    for finding in judge(AT, data, model, Effort("test", attacked=20, shadows=1, judged=100)):
        proposed = finding.remedies[0]
        assert proposed.defense == "adversarial-training"
        (defense,) = choose_items(DEFENSES, [proposed.defense], proposed.settings)
        assert (defense.norm, defense.eps) == (finding.scope, BUDGETS[finding.scope])
        words = [word for setting in proposed.settings for word in ("--set", setting)]
        assert proposed.command.split()[-6:] == ["--defense", proposed.defense, *words]


def test_classes_without_order_and_other_targets_are_not_assessed():
    for data in (blobs(classes=3), numbers()):
        with pytest.raises(NotAssessed, match="--ordinal"):
            judge(AT, data, LinearModel(torch.ones(2, 1), torch.zeros(1), (2,)))


def test_two_classes_are_not_assessed():
    data = replace(blobs(), task=Task.ORDINAL)
    with pytest.raises(NotAssessed, match="two ranks"):
        judge(AT, data, Logistic(data.train, 2))
