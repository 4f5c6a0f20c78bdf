"""The mean over AugMix views against a loop by hand, and on images that a corruption changed."""

import pytest
import torch

from roadworthy.artifacts.image_corruptions import IMAGE_CORRUPTIONS
from roadworthy.core.adaptive import adaptive
from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.core.streams import Streams
from roadworthy.guards import AugMixViews
from roadworthy.images.mixes import Mixes
from tests.guard_subjects import digits, held, undefended


def test_the_answer_is_the_mean_probability_over_the_views():
    data, model, x, _ = digits()
    guarded = protect(model, AugMixViews(views=5), data, seed=3)
    mixes = Mixes(**guarded.learned)
    by_hand = torch.zeros(len(x), 10)
    for view in range(5):
        same = mixes.take(torch.full((len(x),), view))  # the same mix for each image
        by_hand += model(same.of(x)).softmax(1) / 5
    torch.testing.assert_close(guarded(x).exp(), by_hand)


def test_one_view_is_the_image_itself():
    data, model, x, _ = digits()
    alone = protect(model, AugMixViews(views=1), data)
    torch.testing.assert_close(alone(x), model(x).log_softmax(1))


def test_an_answer_depends_on_the_seed_and_not_on_the_batch():
    data, model, x, _ = digits()
    guarded = protect(model, AugMixViews(), data, seed=1)
    together = guarded(x)
    for rows in (slice(0, 1), slice(7, 20)):
        torch.testing.assert_close(guarded(x[rows]), together[rows])
    torch.testing.assert_close(guarded(x.flip(0)).flip(0), together)
    assert torch.equal(protect(model, AugMixViews(), data, seed=1)(x), together)
    assert not torch.equal(protect(model, AugMixViews(), data, seed=2)(x), together)


def test_many_views_come_in_pieces_that_change_nothing(monkeypatch):
    data, model, x, _ = digits()
    guarded = protect(model, AugMixViews(), data)
    at_once = guarded(x)
    monkeypatch.setattr("roadworthy.guards.votes.AT_ONCE", 3 * x.numel())
    torch.testing.assert_close(guarded(x), at_once)


def test_an_attacker_has_the_gradient_of_the_mean_probability():
    data, model, x, _ = digits()
    guarded = protect(model, AugMixViews(views=4), data)
    mixes, x = Mixes(**guarded.learned), x[:5].clone().requires_grad_()
    views = [model(mixes.take(torch.full((5,), k)).of(x)).softmax(1) for k in range(4)]
    (expected,) = torch.autograd.grad((sum(views) / 4).log()[:, 0].sum(), x)
    (found,) = torch.autograd.grad(adaptive(guarded)(x)[:, 0].sum(), x)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_more_corrupted_images_are_answered_right():
    data, model, *_ = digits()
    guarded = protect(model, AugMixViews(), data)
    test, gained, lost = data.test, {}, {}
    for name, corrupt in IMAGE_CORRUPTIONS.items():
        x = corrupt(test.x, 5, Streams.of(0, torch.arange(len(test))))
        with torch.no_grad():
            before, after = (each(x).argmax(1) == test.y for each in (model, guarded))
        gained[name], lost[name] = int((after & ~before).sum()), int((before & ~after).sum())
    assert sum(gained.values()) > sum(lost.values())
    assert gained["contrast"] > 3 * lost["contrast"]  # which autocontrast undoes
    with torch.no_grad():
        drop = (model(test.x).argmax(1) == test.y).sum() - (
            guarded(test.x).argmax(1) == test.y
        ).sum()
    assert drop <= 0.01 * len(test)


def test_it_is_no_defense_against_an_attack_that_knows_of_it():
    _, _, knowing = held(AugMixViews(views=8), 0.15, rows=30)
    assert knowing <= undefended(0.15) + 0.1


def test_no_view_is_refused():
    data, model, *_ = digits()
    with pytest.raises(InputError, match="at least one view"):
        protect(model, AugMixViews(views=0), data)
