"""Ordinal heads against their papers' formulas, written as loops over rows and ranks."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.functional import one_hot

from roadworthy.core.errors import InputError
from roadworthy.networks import Part, build
from roadworthy.networks.heads.cdw_ce import DistanceWeightedCrossEntropy
from roadworthy.networks.heads.coral import Coral
from roadworthy.networks.heads.corn import Corn
from roadworthy.networks.heads.cumulative_link import CumulativeLink, log_normal
from roadworthy.networks.heads.earth_mover import EarthMover
from roadworthy.networks.heads.or_nn import ORNN
from roadworthy.networks.heads.rank_regression import RankRegression
from roadworthy.networks.heads.sord import Sord
from roadworthy.networks.heads.unimodal import Unimodal
from roadworthy.training.plan import class_loss

K = 5


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def drawn(outputs, rows=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    raw = 3 * torch.randn(rows, outputs, generator=generator)
    return raw, torch.randint(0, K, (rows,), generator=generator)


def cross_entropies(logits, y, importance):
    """Σ_k of λ_k times the cross-entropy of σ(z_k) to 1[y > k]."""
    return [
        -sum(
            weight * math.log(sigmoid(z) if label > k else sigmoid(-z))
            for k, (z, weight) in enumerate(zip(row, importance, strict=True))
        )
        for row, label in zip(logits.tolist(), y.tolist(), strict=True)
    ]


def assert_close(found, expected):
    # 3e-6: the heads compute in single precision, the loops in double
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-4, atol=3e-6)


def test_corals_loss_equals_the_papers_of_a_thousand_draws():
    weights = [0.5, 1.0, 2.0, 0.1]
    head = Coral(K, weights)
    for seed in range(1000):
        raw, y = drawn(1, rows=3, seed=seed)
        head.thresholds.data = 2 * torch.randn(4, generator=torch.Generator().manual_seed(seed))
        expected = cross_entropies(raw + head.thresholds.detach(), y, weights)
        assert_close(head.loss(raw, y), expected)


def test_the_losses_of_coral_and_corn_equal_those_that_their_authors_print():
    # the example of coral_loss in coral-pytorch 1.4.0, and what its corn_loss gives for it
    z = [[2.1, 1.8, -2.1, -1.8], [1.9, -1.0, -1.5, -1.3], [1.9, 1.8, 1.7, 1.6]]
    y = torch.tensor([2, 1, 4])
    assert float(ORNN(K).loss(torch.tensor(z), y).mean()) == pytest.approx(0.6920, abs=5e-5)
    corn = Corn(K)
    corn.measure(y)
    assert float(corn.loss(torch.tensor(z), y).mean()) == pytest.approx(0.1645, abs=5e-5)


def test_or_nns_loss_is_the_sum_over_ranks():
    raw, y = drawn(K - 1)
    assert_close(ORNN(K).loss(raw, y), cross_entropies(raw, y, [1.0] * 4))


def test_corn_asks_each_rank_of_the_rows_that_reach_it():
    raw, y = drawn(K - 1)
    head = Corn(K)
    head.measure(y)
    total, asked = 0.0, 0
    for k in range(K - 1):
        for row, label in zip(raw.tolist(), y.tolist(), strict=True):
            if label > k - 1:
                asked += 1
                total -= math.log(sigmoid(row[k] if label > k else -row[k]))
    assert float(head.loss(raw, y).mean()) == pytest.approx(total / asked, rel=1e-5)


def test_corn_multiplies_conditional_probabilities():
    raw, _ = drawn(K - 1)
    expected = [[math.prod(map(sigmoid, row[: k + 1])) for k in range(4)] for row in raw.tolist()]
    assert_close(Corn(K).is_above(raw), expected)


@pytest.mark.parametrize(("link", "noise"), [("logit", stats.logistic), ("probit", stats.norm)])
def test_a_cumulative_links_loss_is_the_likelihood_of_noise_between_thresholds(link, noise):
    raw, y = drawn(1)
    head = CumulativeLink(K, link)
    head.measure(y)
    theta = head.thresholds.tolist()
    edges = [-math.inf, *theta, math.inf]
    expected = [
        -math.log(noise.cdf(edges[label + 1] - s) - noise.cdf(edges[label] - s))
        for (s,), label in zip(raw.tolist(), y.tolist(), strict=True)
    ]
    assert_close(head.loss(raw, y), expected)
    assert_close(head.is_above(raw), [[noise.sf(t - s) for t in theta] for (s,) in raw.tolist()])


def test_the_slope_of_a_normal_numbers_chance_is_right_however_small_the_chance():
    x = torch.tensor([-1e5, -1e3, -30.0, -1.01, -1.0, -0.5, 0.0, 3.0, 1e5], requires_grad=True)
    logs = log_normal(x)
    logs.sum().backward()
    exact = x.detach().double().numpy()
    np.testing.assert_allclose(logs.detach(), stats.norm.logcdf(exact), rtol=1e-6, atol=1e-9)
    slope = np.exp(stats.norm.logpdf(exact) - stats.norm.logcdf(exact))
    np.testing.assert_allclose(x.grad, slope, rtol=1e-5)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_a_cumulative_link_starts_at_the_classes_shares(link):
    y = torch.repeat_interleave(torch.arange(K), torch.tensor([100, 300, 200, 50, 350]))
    head = CumulativeLink(K, link, "mode")
    head.measure(y)
    found = head(torch.zeros(1, 1)).exp()[0]
    torch.testing.assert_close(found, y.bincount() / len(y), atol=2e-3, rtol=0)


def test_coral_starts_at_the_least_loss_that_knows_no_row():
    y = torch.repeat_interleave(torch.arange(K), torch.tensor([100, 300, 200, 50, 350]))
    head = Coral(K)
    head.measure(y)
    head.loss(torch.zeros(len(y), 1), y).mean().backward()
    assert head.thresholds.grad.abs().max() < 1e-3


def test_soft_labels_fall_with_the_distance():
    raw, y = drawn(K)
    head = Sord(K, sharpness=0.7, power=2.0)
    logs = raw.log_softmax(1).tolist()
    expected = []
    for row, label in zip(logs, y.tolist(), strict=True):
        labels = [math.exp(-0.7 * (j - label) ** 2) for j in range(K)]
        expected.append(-sum(q / sum(labels) * log for q, log in zip(labels, row, strict=True)))
    assert_close(head.loss(raw, y), expected)


def test_very_sharp_soft_labels_are_the_classes_themselves():
    raw, y = drawn(K)
    torch.testing.assert_close(Sord(K, sharpness=100.0).loss(raw, y), class_loss(raw, y))


def test_the_earth_movers_loss_compares_cumulative_probabilities():
    raw, y = drawn(K)
    expected = [
        sum((sum(p[: k + 1]) - (label <= k)) ** 2 for k in range(K))
        for p, label in zip(raw.softmax(1).tolist(), y.tolist(), strict=True)
    ]
    assert_close(EarthMover(K).loss(raw, y), expected)


def test_cdw_ce_denies_each_class_by_its_distance():
    raw, y = drawn(K)
    expected = [
        -sum(abs(j - label) ** 3 * math.log(1 - p[j]) for j in range(K) if j != label)
        for p, label in zip(raw.double().softmax(1).tolist(), y.tolist(), strict=True)
    ]
    assert_close(DistanceWeightedCrossEntropy(K, 3.0).loss(raw, y), expected)


@pytest.mark.parametrize("size", [0.0, 1e3, 1e8])
def test_cdw_ce_and_its_gradient_are_finite_for_any_logit(size):
    raw = torch.tensor([[size, -size, 0.0, size, -size]] * K, requires_grad=True)
    DistanceWeightedCrossEntropy(K).loss(raw, torch.arange(K)).sum().backward()
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_unimodal_probabilities_are_those_of_the_family(family):
    raw, y = drawn(1)
    if family == "binomial":
        p = [stats.binom.pmf(np.arange(K), K - 1, sigmoid(s)) for (s,) in raw.tolist()]
    else:
        p = [stats.poisson.pmf(np.arange(K), math.log1p(math.exp(s))) for (s,) in raw.tolist()]
    p = torch.tensor(np.array(p), dtype=torch.float32)
    p = p / p.sum(1, keepdim=True)
    head = Unimodal(K, family)
    torch.testing.assert_close(head(raw).exp().detach(), p, atol=1e-5, rtol=1e-4)
    assert_close(head.loss(raw, y), (-p.gather(1, y[:, None]).log()[:, 0]).tolist())


def test_regression_on_the_ranks_answers_the_nearest_class():
    head = RankRegression(K)
    y = torch.tensor([0, 1, 4, 4])
    head.measure(y)
    values = torch.tensor([[-3.0], [0.4], [2.6], [9.0]])
    raw = (values - y.float().mean()) / y.float().std(unbiased=False)
    assert head(raw).argmax(1).tolist() == [0, 0, 3, 4]
    expected = ((values[:, 0] - y) / y.float().std(unbiased=False)).square()
    torch.testing.assert_close(head.loss(raw, y), expected)


HEADS = [
    (ORNN(K), K - 1),
    (Coral(K), 1),
    (Corn(K), K - 1),
    (CumulativeLink(K), 1),
    (CumulativeLink(K, "probit"), 1),
    (Sord(K), K),
    (EarthMover(K), K),
    (DistanceWeightedCrossEntropy(K), K),
    (Unimodal(K), 1),
    (Unimodal(K, "poisson"), 1),
    (RankRegression(K), 1),
]
names = [f"{type(head).__name__}-{k}" for k, (head, _) in enumerate(HEADS)]
each_head = pytest.mark.parametrize(("head", "outputs"), HEADS, ids=names)


@each_head
def test_a_class_and_the_probability_1_for_it_lose_the_same(head, outputs):
    raw, y = drawn(outputs)
    hard, soft = head.loss(raw, y), head.loss(raw, one_hot(y, K).float())
    torch.testing.assert_close(hard, soft)


@each_head
@pytest.mark.parametrize("label", range(K))
def test_rows_that_are_all_of_one_class_are_learned(head, outputs, label):
    if type(head) is Unimodal and head.family == "poisson" and label == K - 2:
        pytest.skip("cut off at the last class, it makes the one before it the likeliest too late")
    head = copy.deepcopy(head)
    head.measure(torch.arange(K))
    raw = torch.zeros(1, outputs, requires_grad=True)
    adam = torch.optim.Adam([raw, *head.parameters()], 0.3)
    for _ in range(60):
        adam.zero_grad()
        head.loss(raw, torch.tensor([label])).sum().backward()
        adam.step()
    assert int(head(raw).argmax()) == label


def test_importance_of_the_wrong_length_is_refused():
    with pytest.raises(InputError, match="3 weights of ranks, and 5 classes have 4 ranks"):
        build((Part("coral", {"classes": 5, "importance": [1.0, 1.0, 1.0]}),))
