from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy

from roadworthy.attacks import PGD
from roadworthy.core.dataset import Roles
from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.guards import Temperature
from roadworthy.guards.left_out_rows import _folds
from roadworthy.guards.temperature import best_temperature
from roadworthy.recipes import MLP
from tests.guard_subjects import digits
from tests.models import Logistic


def too_sure(factor):
    """Give logits whose classes were drawn from them at temperature `factor`."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(3000, 4, generator=generator)
    y = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
    return factor * logits, y


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_it_is_the_temperature_that_scipy_finds(factor):
    logits, y = too_sure(factor)
    found = minimize_scalar(
        lambda t: cross_entropy(logits.double() / t, y).item(),
        bounds=(0.01, 50),
        method="bounded",
        options={"xatol": 1e-9},
    )
    temperature = best_temperature(logits, y)
    assert temperature == pytest.approx(found.x, rel=1e-4)
    assert temperature == pytest.approx(factor, rel=0.1)  # 3,000 rows say it to a few percent


def test_a_model_that_is_always_right_or_always_wrong_gets_an_end_of_the_range():
    logits, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1])
    assert best_temperature(logits, y) == pytest.approx(1e-3)
    assert best_temperature(logits, 1 - y) == pytest.approx(1e3)


def noisy(rows):
    """Give a fifth of the rows a wrong class, so that who learns them by heart is too sure."""
    is_wrong = torch.rand(len(rows), generator=torch.Generator().manual_seed(0)) < 0.2
    return replace(rows, y=torch.where(is_wrong, (rows.y + 1) % 10, rows.y))


def test_choices_stay_and_the_log_loss_of_a_model_that_is_too_sure_falls_on_new_rows():
    data = digits()[0]
    few, test = noisy(data.train.take(torch.arange(300))), noisy(data.test)
    model = MLP(epochs=100, decay=0.0).fit(data, few, 0, Silent())
    guarded = protect(model, Temperature(), data, few)
    before, after = model(test.x), guarded(test.x)
    assert torch.equal(before.argmax(1), after.argmax(1))
    assert cross_entropy(after, test.y) <= 0.8 * cross_entropy(before, test.y)
    assert not guarded.spec.notes


def test_rows_of_a_group_are_left_out_together():
    data = digits()[0]
    group = np.arange(len(data.train)) // 7
    rows = replace(data.train, columns={"writer": group})
    fold = _folds(replace(data, roles=Roles(group="writer")), rows, 4, 0)
    assert fold.bincount().min() >= len(rows) / 4 - 14
    assert all(len(fold[torch.tensor(group == g)].unique()) == 1 for g in range(20))


def test_a_model_that_cannot_be_trained_again_is_fitted_on_its_rows_and_says_so():
    data = digits()[0]
    model = Logistic(data.train, 10)
    fixed = Logistic(data.train, 10, model.spec.offers - {"refit"})
    fitted = protect(fixed, Temperature(), data)
    assert "too low" in fitted.spec.notes[0]
    expected = best_temperature(model(data.train.x), data.train.y)
    assert fitted.learned["temperature"].item() == pytest.approx(expected)
    assert expected < protect(model, Temperature(), data).learned["temperature"].item()


def test_a_model_of_labels_is_refused():
    data = digits()[0]
    model = Logistic(data.train, 10, frozenset({"labels"}))
    with pytest.raises(InputError, match="there are no logits"):
        protect(model, Temperature(), data)


def test_it_is_no_defense():
    data, model, x, y = digits()
    guarded, threat = protect(model, Temperature(folds=2), data), Ball("linf", 0.15)
    plain = PGD(steps=20)(model, x, y, threat).success.double().mean()
    assert PGD(steps=20)(guarded, x, y, threat).success.double().mean() >= plain - 0.05
