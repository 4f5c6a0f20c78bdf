"""Prediction sets against the promise that exchangeability makes, by simulation and by hand."""

import pytest
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.core.progress import Silent
from roadworthy.frameworks import wrap_model
from roadworthy.guards import Conformal
from roadworthy.guards.conformal import least_suit
from roadworthy.recipes import MLP
from tests.toy_data import toy


def test_the_threshold_is_the_value_of_its_rank():
    own = torch.tensor([0.9, 0.2, 0.5, 0.7])
    # of 5 ranks a new row has each with a chance of 1 in 5
    assert least_suit(own, 0.2) == pytest.approx(0.2)
    assert least_suit(own, 0.4) == pytest.approx(0.5)
    assert least_suit(own, 0.19) == 0  # too few rows to promise it: all classes


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_a_new_row_is_missed_as_often_as_allowed(alpha):
    generator = torch.Generator().manual_seed(1)
    drawn = torch.rand(4000, 61, generator=generator) ** 3  # any distribution will do
    missed = [float(row[60] < least_suit(row[:60], alpha)) for row in drawn]
    share, spread = sum(missed) / 4000, (alpha * (1 - alpha) / 4000) ** 0.5
    assert share <= alpha + 3 * spread
    assert share >= alpha - 1 / 61 - 3 * spread


def test_sets_hold_the_right_class_of_rows_that_nobody_has_seen():
    data = toy(Task.NOMINAL, "tabular")
    model = MLP(epochs=10).fit(data, data.train, 0, Silent())
    for alpha in (0.1, 0.3):
        guarded = protect(model, Conformal(alpha), data)
        sets = guarded.wrapped.sets(data.test.x)
        missed = int((~sets.gather(1, data.test.y[:, None])).sum())
        assert missed <= 40 * alpha + 3 * (40 * alpha * (1 - alpha)) ** 0.5
        assert torch.equal(guarded(data.test.x), model(data.test.x))


def test_smaller_alpha_makes_larger_sets():
    data = toy(Task.NOMINAL, "tabular")
    model = MLP(epochs=10).fit(data, data.train, 0, Silent())
    small, large = (
        protect(model, Conformal(alpha), data).wrapped.sets(data.test.x) for alpha in (0.3, 0.02)
    )
    assert (small <= large).all()
    assert large.sum() > small.sum()


def test_a_model_that_cannot_be_trained_again_says_so():
    data = toy(Task.NOMINAL, "tabular")
    torch.manual_seed(0)
    model = wrap_model(torch.nn.Linear(data.train.x.shape[1], 3), data)
    assert "cannot be trained again" in protect(model, Conformal(), data).spec.notes[-1]
    with pytest.raises(InputError, match="alpha"):
        protect(model, Conformal(alpha=1.5), data)
