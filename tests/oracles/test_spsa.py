import torch

from roadworthy.attacks.evasion.spsa import SPSA
from roadworthy.core.attack import State
from roadworthy.core.dataset import Task
from roadworthy.core.driver import run_attack
from roadworthy.core.model import Model, ModelSpec
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw, trained
from tests.models import GRADED


class Quadratic(Model):
    """The lead of class 0 is x'Ax + b'x, so its derivative is 2 Ax + b."""

    def __init__(self):
        super().__init__(ModelSpec("quadratic", Task.NOMINAL, (6,), 2, GRADED, "quadratic"))
        half = draw(6, 6, seed=1).double()
        self.matrix, self.slope = half + half.T, draw(6, seed=2).double()

    def forward(self, x):
        lead = (x @ self.matrix * x).sum(1) + x @ self.slope
        return torch.stack([lead, torch.zeros_like(lead)], 1)


def test_the_estimate_is_unbiased_on_a_quadratic_function():
    """Over 4 000 samples of 50 directions: each mean is within 5 of its standard errors."""
    model, n = Quadratic(), 4000
    x = draw(1, 6, seed=3).double().expand(n, -1)
    state = State(
        x=x, origin=x, y=torch.zeros(n, dtype=torch.int64), sign=torch.ones(n).double(),
        low=x - 9, high=x + 9, streams=Streams.of(0, torch.arange(n)), theta=x.new_zeros(n, 0),
        finished=torch.zeros(n, dtype=torch.bool), copy=torch.zeros(n).long(), guide=None,
    )  # fmt: skip
    estimates = SPSA(directions=50)._slope(model, state, torch.full((6,), 0.1).double())
    truth = 2 * x[0] @ model.matrix + model.slope
    error = (estimates.mean(0) - truth).abs()
    assert (error <= 5 * estimates.std(0) / n**0.5).all()


def test_more_directions_find_more_errors():
    model, x, y = trained()
    x, y = x[:20], y[:20]
    few, many = (
        run_attack(SPSA(steps=15, directions=count), model, x, y, Ball("linf", 0.15)).success.sum()
        for count in (1, 20)
    )
    assert many > few
