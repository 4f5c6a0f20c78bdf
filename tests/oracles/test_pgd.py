"""PGD and FGSM in L1 and L0 against exact answers."""

from itertools import combinations, product

import pytest
import torch

from roadworthy.attacks import FGSM, PGD
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.models import LinearModel


def one_row_model(w, x, lead):
    """Give a model whose class 0 leads by `lead` at x (D,)."""
    weight = torch.stack([torch.zeros_like(w), w], 1)
    return LinearModel(weight, torch.stack([x @ w + lead, torch.tensor(0.0)]), tuple(w.shape))


def best_gain_l1(w, x, eps):
    """Fill features in the order of their slopes, by a plain loop."""
    gain, left = 0.0, eps
    for index in w.abs().argsort(descending=True).tolist():
        room = float(1 - x[index] if w[index] > 0 else x[index])
        gain, left = gain + min(room, left) * abs(float(w[index])), left - min(room, left)
    return gain


def best_gain_l0(w, x, count):
    """Try all sets of features and all ends of their ranges."""
    return max(
        float((w[list(places)] * (torch.tensor(ends) - x[list(places)])).sum())
        for places in combinations(range(len(w)), count)
        for ends in product([0.0, 1.0], repeat=count)
    )


@pytest.mark.parametrize("attack", [FGSM(), PGD()])
@pytest.mark.parametrize("eps", [0.3, 1.0, 2.5])
def test_an_l1_step_gains_as_much_as_ball_and_box_allow(attack, eps):
    w = draw(8, seed=4)
    for x in draw(4, 8, seed=5).sigmoid():
        best = best_gain_l1(w, x, eps)
        for lead, is_enough in ((best * 0.98, True), (best * 1.001, False)):
            model = one_row_model(w, x, torch.tensor(lead))
            result = attack(model, x[None], torch.tensor([0]), Ball("l1", eps))
            assert bool(result.success[0]) == is_enough


@pytest.mark.parametrize("count", [1, 2, 3])
def test_pgd_in_l0_finds_the_best_features_of_a_linear_model(count):
    w = draw(7, seed=6)
    for x in draw(4, 7, seed=7).sigmoid():
        best = best_gain_l0(w, x, count)
        for lead, is_enough in ((best * 0.98, True), (best * 1.001, False)):
            model = one_row_model(w, x, torch.tensor(lead))
            result = PGD()(model, x[None], torch.tensor([0]), Ball("l0", float(count)))
            assert bool(result.success[0]) == is_enough


@pytest.mark.parametrize("norm", ["linf", "l2", "l1", "l0"])
def test_the_random_start_of_pgd_fits_in_the_ball(norm):
    eps = {"linf": 0.1, "l2": 0.5, "l1": 1.0, "l0": 5.0}[norm]
    x = torch.full((64, 30), 0.5)
    model = one_row_model(torch.zeros(30), x[0], torch.tensor(1.0))
    seen = []

    class Watching(PGD):
        def step(self, model, state, look, threat):
            seen.append(state.x)
            return super().step(model, state, look, threat)

    run_attack(Watching(steps=1), model, x, torch.zeros(64).long(), Ball(norm, eps))
    size = Ball(norm, eps).distance(seen[0] - x)
    assert (size <= eps * (1 + 1e-5)).all()
    assert (size > eps * 0.05).float().mean() > 0.8
    assert len(set(seen[0][:, 0].tolist()) - {0.5}) > 5
