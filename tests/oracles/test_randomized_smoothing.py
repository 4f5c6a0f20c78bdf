"""Randomized smoothing against linear models, whose smoothed radius has a closed form."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from roadworthy.attacks import PGD
from roadworthy.core.adaptive import adaptive
from roadworthy.core.driver import run_attack
from roadworthy.core.guard import protect
from roadworthy.core.model import Offer
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.guards.randomized_smoothing import RandomizedSmoothing
from roadworthy.guards.smoothing_certificate import ABSTAINS, Certification, least_share
from roadworthy.recipes import MLP
from tests.datasets import blobs
from tests.models import GRADED, LinearModel

ONE = torch.ones(())
WEIGHT = torch.tensor([0.6, -0.8, 0.0, 0.0])  # of length 1: logits differ by the distance


def half_space():
    """Class 1 where the inputs' product with the weight is above 0."""
    return LinearModel(torch.stack([torch.zeros(4), WEIGHT], 1), torch.zeros(2), (4,))


def rows(n=64):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(1))


def certify(x, sigma=0.5, unit=ONE, seed=0, ids=None, **settings):
    ids = torch.arange(len(x)) if ids is None else ids
    return Certification(**settings).certify(half_space(), x, sigma, unit, ids, seed)


def test_no_radius_exceeds_the_distance_to_the_half_spaces_border():
    x = rows()
    found = certify(x, estimation=2000)
    away = (x @ WEIGHT).abs()
    # each is wrong with a chance of 0.001
    assert int((found.radius > away).sum()) <= 1
    answers = found.choice != ABSTAINS
    assert torch.equal(found.choice[answers], (x @ WEIGHT > 0).long()[answers])


def test_the_radius_tends_to_the_distance_as_more_is_drawn():
    x = 0.4 * WEIGHT.expand(4, 4)
    few, many = certify(x, estimation=200), certify(x, estimation=50_000)
    assert (few.radius < many.radius).all()
    assert torch.allclose(many.radius, torch.tensor(0.4).double(), atol=0.02)
    assert (many.radius <= 0.4).all()


def test_confidence_holds_over_many_repeats():
    # 4,000 certificates of one point, each allowed to be wrong with a chance of 5 %
    x = 0.3 * WEIGHT.expand(4000, 4)
    found = certify(x, estimation=200, alpha=0.05)
    wrong = int((found.radius > 0.3).sum())
    assert stats.binomtest(wrong, 4000, 0.05, alternative="greater").pvalue > 1e-3
    assert wrong > 40  # and it is not far more careful than it has to be


def test_at_no_radius_more_is_certified_than_an_attack_leaves():
    data, sigma = blobs(apart=1.5), 0.5
    model = MLP(width=16, epochs=20).fit(data, data.train, 0, Silent())
    guarded = protect(model, RandomizedSmoothing(sigma, draws=100), data)
    x, y = data.test.x[:40], data.test.y[:40]
    unit = guarded.learned["unit"]
    found = Certification().certify(model, x, sigma, unit, torch.arange(40), 0)
    radius = found.radius.where(found.choice == y, -1.0)
    certified, left = [], []
    for eps in (0.25, 0.5, 0.75):
        attack = PGD(steps=10)
        tried = run_attack(attack, guarded, x, y, Ball.of(data, "l2", eps), bounds=data.bounds)
        assert not (tried.success & (radius >= eps)).any()
        certified.append(int((radius >= eps).sum()))
        left.append(int((~tried.success).sum()))
    assert all(proven <= stands for proven, stands in zip(certified, left, strict=True))
    assert 0 < certified[-1] < certified[0]
    assert left[-1] < left[0]  # the attack finds something


def test_the_lower_end_is_that_of_clopper_and_pearson():
    hits = np.array([0, 1, 60, 99, 100])
    ours = least_share(hits, 100, 0.01)
    for k, low in zip(hits, ours, strict=True):
        exact = stats.binomtest(int(k), 100, alternative="greater").proportion_ci(0.99, "exact")
        assert low == pytest.approx(exact.low, abs=1e-12)


def test_it_abstains_where_the_lower_end_is_not_above_one_half():
    # of 100 fair votes at least 62 come with a chance above 1 %, at least 63 with one below
    chance = {k: sum(math.comb(100, j) for j in range(k, 101)) / 2**100 for k in (62, 63)}
    assert chance[63] < 0.01 < chance[62]
    assert (least_share(np.array([62, 63]), 100, 0.01) > 0.5).tolist() == [False, True]
    found = certify(torch.zeros(200, 4), estimation=100, alpha=0.01)
    assert (found.choice == ABSTAINS).sum() > 190
    assert (found.radius[found.choice == ABSTAINS] == 0).all()


def test_a_certificate_does_not_depend_on_the_batch():
    x = rows(20)
    whole, one = certify(x), certify(x[7:8], ids=torch.tensor([7]))
    assert whole.radius[7] == one.radius[0]
    assert not torch.equal(certify(x, seed=1).radius, whole.radius)


def test_radii_are_in_units_of_each_feature():
    # twice the unit in every direction is half the distance
    x = 0.4 * WEIGHT.expand(2, 4)
    doubled = certify(x, unit=torch.full((4,), 2.0), sigma=0.25, estimation=20_000)
    assert torch.allclose(doubled.radius, torch.tensor(0.2).double(), atol=0.02)
    assert (doubled.radius <= 0.2).all()


def test_shares_of_votes_are_those_of_the_normal_distribution():
    data = blobs()
    guarded = protect(half_space(), RandomizedSmoothing(sigma=0.5, draws=20_000), data)
    spread = 0.5 * float((WEIGHT * guarded.learned["unit"]).norm())
    x = data.test.x[:5]
    expected = stats.norm.cdf((x @ WEIGHT).numpy() / spread)
    assert guarded(x).exp()[:, 1].numpy() == pytest.approx(expected, abs=0.015)


def test_the_way_around_gives_votes_and_the_gradient_of_expected_probabilities():
    data = blobs()
    guarded = protect(half_space(), RandomizedSmoothing(sigma=0.5, draws=4000), data)
    seen, x = adaptive(guarded), data.test.x[:3].clone().requires_grad_()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    logits = seen(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.allclose(logits.exp(), guarded(x.detach()).exp(), atol=0.05)
    (gradient,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), x)
    # the expected log-odds of a half-space rise along its normal
    cosine = torch.nn.functional.cosine_similarity(gradient, WEIGHT.expand(3, 4))
    assert (cosine > 0.999).all()
    assert seen.passes.forward == 3 * 4000 + 3 * 4000  # both calls are counted in one place
    assert seen.passes.backward == 3 * 4000


def test_a_model_of_labels_alone_gets_scores():
    data, model = blobs(), half_space()
    model.spec = type(model.spec)(**{**vars(model.spec), "offers": frozenset({Offer.LABELS})})
    guarded = protect(model, RandomizedSmoothing(), data)
    assert Offer.SCORES in guarded.spec.offers
    assert Offer.GRADIENTS not in adaptive(guarded).spec.offers
    assert Offer.GRADIENTS in GRADED
