"""The losses of self-supervised learning against formulas spelled out, and lightly 1.6.0's."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss

from roadworthy.strategies.barlow_twins import barlow_loss, standardized
from roadworthy.strategies.byol import apart
from roadworthy.strategies.dino import agreement
from roadworthy.strategies.mae import painting_loss
from roadworthy.strategies.scarf import info_nce
from roadworthy.strategies.simclr import nt_xent
from roadworthy.strategies.swav import assigned, swapped_loss
from roadworthy.strategies.vicreg import covariances, shortfall


def two_projections():
    k = torch.arange(40, dtype=torch.float32).reshape(8, 5)
    first = (k * k * 0.37).sin()
    return first, first + 0.5 * (k * 1.7).cos()


def cosine(a, b):
    return float(a @ b / (a.norm() * b.norm()))


def test_nt_xent_is_the_sum_over_pairs():
    first, second = two_projections()
    z, total = torch.cat([first, second]), 0.0
    for i in range(16):
        twin = (i + 8) % 16
        rest = sum(math.exp(cosine(z[i], z[k]) / 0.5) for k in range(16) if k != i)
        total -= math.log(math.exp(cosine(z[i], z[twin]) / 0.5) / rest)
    assert float(nt_xent(first, second, 0.5)) == pytest.approx(total / 16, rel=1e-5)


def test_info_nce_is_the_sum_over_rows():
    row, other = two_projections()
    total = 0.0
    for i in range(8):
        rest = sum(math.exp(cosine(row[i], other[k]) / 0.7) for k in range(8))
        total -= math.log(math.exp(cosine(row[i], other[i]) / 0.7) / rest)
    assert float(info_nce(row, other, 0.7)) == pytest.approx(total / 8, rel=1e-5)


def test_barlow_twins_loss_is_that_of_the_correlation_matrix():
    first, second = two_projections()
    correlation = np.corrcoef(first.numpy().T, second.numpy().T)[:5, 5:]
    off = correlation[~np.eye(5, dtype=bool)]
    expected = np.square(1 - np.diag(correlation)).sum() + 0.005 * np.square(off).sum()
    # the variance has a small number added to it
    assert float(barlow_loss(first, second, 0.005)) == pytest.approx(expected, rel=1e-3)


def test_barlow_twins_loss_is_0_where_the_correlations_are_the_identity():
    corners = torch.tensor([[a, b, c] for a in (-1.0, 1) for b in (-1.0, 1) for c in (-1.0, 1)])
    assert float(barlow_loss(corners, 3 * corners + 2, 1.0)) < 1e-9
    assert standardized(corners).var(0, correction=0).allclose(torch.ones(3), atol=1e-4)


def test_vicregs_terms_are_numpys():
    z = two_projections()[0]
    spread = np.sqrt(np.var(z.numpy(), 0, ddof=1) + 1e-4)
    assert float(shortfall(z)) == pytest.approx(np.maximum(0, 1 - spread).mean(), rel=1e-5)
    covariance = np.cov(z.numpy().T)
    off = covariance[~np.eye(5, dtype=bool)]
    assert float(covariances(z)) == pytest.approx(np.square(off).sum() / 5, rel=1e-5)


def test_numbers_that_vary_enough_fall_short_of_nothing():
    assert float(shortfall(10 * two_projections()[0])) == 0


def test_each_prototype_gets_as_much_and_each_row_gives_one():
    scores = torch.rand(400, 7, generator=torch.Generator().manual_seed(0))
    share = assigned(scores)
    assert share.sum(1).allclose(torch.ones(400))
    # three rounds come near to what endless ones give
    assert share.sum(0).allclose(torch.full((7,), 400 / 7), rtol=0.1)


def test_the_swapped_loss_predicts_each_full_view_from_all_others():
    scores = [0.9 * z for z in (*two_projections(), two_projections()[0].flip(0))]
    shares = [assigned(score) for score in scores[:2]]
    likely = [(score / 0.1).softmax(1).log() for score in scores]
    losses = [
        -(shares[full] * likely[view]).sum(1).mean()
        for full in range(2)
        for view in range(3)
        if view != full
    ]
    assert float(swapped_loss(scores, 0.1)) == pytest.approx(float(sum(losses) / 4), rel=1e-5)


def test_two_vectors_are_apart_by_twice_what_their_cosine_lacks():
    first, second = two_projections()
    unit = [z / z.norm(dim=1, keepdim=True) for z in (first, second)]
    assert apart(first, second).allclose((unit[0] - unit[1]).square().sum(1), atol=1e-5)


def test_only_hidden_pixels_count():
    x, painted = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    is_hidden = torch.rand(2, 1, 4, 4) < 0.5
    is_hidden[0, 0, 0, 0] = True
    of_all = is_hidden.expand_as(x)
    expected = mse_loss(painted[of_all], x[of_all])
    assert painting_loss(painted, x, is_hidden).allclose(expected)
    elsewhere = torch.where(is_hidden, painted, painted + 7)
    assert painting_loss(elsewhere, x, is_hidden).allclose(expected)


def test_the_losses_are_those_of_lightly():
    """Frozen values of lightly 1.6.0's loss modules on the same numbers."""
    first, second = two_projections()
    scores = [0.9 * first, 0.9 * second, 0.9 * first.flip(0)]
    vicreg = (
        25 * mse_loss(first, second)
        + 25 * (shortfall(first) + shortfall(second)) / 2
        + covariances(first)
        + covariances(second)
    )
    ours = {
        "NTXentLoss(0.5)": nt_xent(first, second, 0.5),
        "BarlowTwinsLoss(5e-3)": barlow_loss(first, second, 5e-3),
        "VICRegLoss()": vicreg,
        "SwaVLoss()": swapped_loss(scores, 0.1),
        "2 + 2 NegativeCosineSimilarity()": apart(first, second).mean(),
        "DINOLoss(5)": agreement(scores, [first, second], torch.arange(5) / 10, 0.1, 0.04),
    }
    theirs = [1.3814576, 0.1100673, 11.3700285, 6.0810776, 0.2488003, 5.7314963]
    assert [float(loss) for loss in ours.values()] == pytest.approx(theirs, rel=1e-5)
