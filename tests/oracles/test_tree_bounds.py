"""Certificates of trees against the exact search for the nearest other class."""

import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from roadworthy import wrap_model
from roadworthy.attacks import TreeEnsemble
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from roadworthy.verification.tree_bounds import certified_radius_of_trees

VALID = torch.tensor(0.0), torch.tensor(1.0)
END = 2.0


def certificates(estimator, norm):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(80, 3, generator=generator)
    y = ((x - 0.5) @ torch.randn(3, 3, generator=generator)).argmax(1)
    ids = torch.arange(80)
    splits = Split("train", x, y, ids), Split("test", x, y, ids)
    data = Dataset("rows", Task.NOMINAL, tuple("abc"), splits)
    model = wrap_model(estimator.fit(x.numpy(), y.numpy()), data)
    threat = Ball(norm, END, scale=(1.0, 0.5, 2.0), mutable=(True, True, True))
    x, y = x[:12], model(x[:12]).argmax(1)
    radius = certified_radius_of_trees(model.trees(), x, y, threat, VALID)
    exact = run_attack(TreeEnsemble(), model, x, y, threat).distance.double()
    wrong = certified_radius_of_trees(model.trees(), x, (y + 1) % 3, threat, VALID)
    assert (wrong == -1).all()
    return radius, exact.clamp_max(END)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_single_trees_radius_is_exact(norm):
    radius, exact = certificates(DecisionTreeClassifier(max_depth=5, random_state=0), norm)
    # the range is halved ten times
    torch.testing.assert_close(radius, exact, atol=END / 2**10, rtol=0)
    assert (radius <= exact * (1 + 1e-5)).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(5, max_depth=3, random_state=0),
        GradientBoostingClassifier(n_estimators=3, max_depth=2, random_state=0),
    ],
    ids=lambda e: type(e).__name__,
)
def test_several_trees_radii_never_exceed_the_nearest_error(estimator, norm):
    radius, exact = certificates(estimator, norm)
    assert (radius <= exact * (1 + 1e-5)).all()
    assert (radius > 0.2 * exact).double().mean() > 0.5
