"""Intervals of ranks against a plain walk along the ranks, and against the promise they make."""

import pytest
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.core.progress import Silent
from roadworthy.guards import ConformalRanks
from roadworthy.guards.conformal import least_suit
from roadworthy.recipes import MLP
from tests.toy_data import toy


def interval(probability, mass):
    """Grow one interval of ranks until so much probability is in it."""
    low = high = max(range(len(probability)), key=probability.__getitem__)
    while sum(probability[low : high + 1]) < mass and high - low < len(probability) - 1:
        below = probability[low - 1] if low else -1
        above = probability[high + 1] if high < len(probability) - 1 else -1
        low, high = (low - 1, high) if below >= above else (low, high + 1)
    return range(low, high + 1)


@pytest.mark.parametrize("mass", [0.3, 0.6, 0.9, 0.99])
def test_intervals_grow_as_a_walk_along_the_ranks_does(mass):
    logits = 2 * torch.randn(300, 6, generator=torch.Generator().manual_seed(0)).double()
    # what is in an interval before a rank joins is less than the mass that is sought
    found = ConformalRanks().suit(logits) > 1 - mass
    for row, held in zip(logits.softmax(1).tolist(), found, strict=True):
        assert held.nonzero()[:, 0].tolist() == list(interval(row, mass))


def test_two_peaks_are_joined_by_what_lies_between():
    logits = torch.tensor([[0.4, 0.05, 0.1, 0.45]]).log()
    suits = ConformalRanks().suit(logits)
    torch.testing.assert_close(suits, torch.tensor([[0.4, 0.45, 0.55, 1.0]]).double())


@pytest.mark.parametrize("alpha", [0.1, 0.3])
def test_a_new_row_is_missed_as_often_as_allowed(alpha):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2000, 61, 5, generator=generator)
    y = torch.randint(5, (2000, 61, 1), generator=generator)  # whatever the model is worth
    own = ConformalRanks().suit(logits.flatten(0, 1)).view(2000, 61, 5).gather(2, y)[..., 0]
    missed = [float(row[60] < least_suit(row[:60], alpha)) for row in own]
    share, spread = sum(missed) / 2000, (alpha * (1 - alpha) / 2000) ** 0.5
    assert share <= alpha + 3 * spread


def test_intervals_of_a_trained_model_have_no_gaps_and_hold_the_right_rank():
    data = toy(Task.ORDINAL, "tabular")
    model = MLP(epochs=10).fit(data, data.train, 0, Silent())
    guarded = protect(model, ConformalRanks(alpha=0.1), data)
    held = guarded.wrapped.sets(data.test.x)
    assert held.gather(1, model(data.test.x).argmax(1, keepdim=True)).all()
    assert not (held[:, 0] & ~held[:, 1] & held[:, 2]).any()
    assert int((~held.gather(1, data.test.y[:, None])).sum()) <= 10
    assert torch.equal(guarded(data.test.x), model(data.test.x))


def test_classes_without_an_order_are_refused():
    data = toy(Task.NOMINAL, "tabular")
    model = MLP(epochs=1).fit(data, data.train, 0, Silent())
    with pytest.raises(InputError, match="in ordinal tasks"):
        protect(model, ConformalRanks(), data)
