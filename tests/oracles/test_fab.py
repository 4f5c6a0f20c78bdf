import pytest
import torch

from roadworthy.attacks.evasion.fab import FAB
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.models import Echo, LinearModel

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))
DUAL = {"linf": 1.0, "l2": 2.0, "l1": float("inf")}


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("targets", [0, 1, 3])
def test_fab_reaches_the_nearest_hyperplane_of_a_linear_model(norm, targets):
    weight, bias, x = draw(20, 4, seed=1), draw(4, seed=2), draw(9, 20, seed=3)
    model = LinearModel(weight, bias, (20,))
    logits = x @ weight + bias
    y = logits.argmax(1)
    between = (weight[:, y, None] - weight[:, None, :]).movedim(0, 2)  # (N, K, 20)
    slope = between.norm(p=DUAL[norm], dim=2)
    distances = (logits.gather(1, y[:, None]) - logits) / slope.clamp_min(1e-12)
    distances = distances.scatter(1, y[:, None], float("inf"))
    attack = FAB(steps=30, targets=targets)
    result = run_attack(attack, model, x, y, Ball(norm, 1.0), bounds=WIDE)
    assert (result.distance >= distances.amin(1) * (1 - 1e-5)).all()
    # aimed at one class it may meet another one on the way, but comes no later than to its own
    aims = logits.argsort(1, descending=True)[:, 1 : 1 + (targets or 3)]
    assert (result.distance <= distances.gather(1, aims).amin(1) * 1.01).all()


def test_fab_goes_around_the_end_of_the_box():
    # class 1 wins where the features add up to 2 more; the first two have room for 0.5 each
    weight = torch.tensor([[0.0, 1.0]] * 6)
    x = torch.tensor([[0.5, 0.5, 0.0, 0.0, 0.0, 0.0]])
    model = LinearModel(weight, torch.tensor([x.sum() + 2, 0.0]), (6,))
    result = run_attack(FAB(), model, x, torch.tensor([0]), Ball("linf", 1.0))
    assert float(result.distance) == pytest.approx(1 / 3, rel=0.01)
    model = LinearModel(weight, torch.tensor([x.sum() + 4, 0.0]), (6,))
    result = run_attack(FAB(), model, x, torch.tensor([0]), Ball("linf", 1.0))
    assert float(result.distance) == pytest.approx(0.75, rel=0.01)


def test_fab_is_indifferent_to_the_scale_of_the_logits():
    x, y = draw(6, 5, seed=4).sigmoid(), torch.zeros(6, dtype=torch.int64)
    weight, bias = draw(5, 3, seed=5), torch.tensor([2.0, 0.0, 0.0])
    plain, scaled = (
        run_attack(FAB(), LinearModel(weight * by, bias * by, (5,)), x, y, Ball("l2", 1.0))
        for by in (1.0, 1024.0)
    )
    torch.testing.assert_close(plain.distance, scaled.distance)


def test_a_restart_begins_within_half_of_what_is_known():
    x, y = torch.tensor([[5.0, 0.0, 0.0]]), torch.tensor([0])
    once, twice = (
        run_attack(FAB(steps=20, restarts=number), Echo(3), x, y, Ball("l2", 9.0), bounds=WIDE)
        for number in (1, 2)
    )
    assert twice.backward.tolist() == [once.backward.item() - 2]
    torch.testing.assert_close(once.distance, twice.distance, rtol=0.01, atol=0)


def test_what_is_far_beyond_the_reach_is_given_up_after_a_quarter_of_the_steps():
    # the nearest errors are at 0.7 and at 3.5
    x, y = torch.tensor([[1.0, 0.0, -9.0], [5.0, 0.0, -9.0]]), torch.tensor([0, 0])
    attack, threat = FAB(steps=40, targets=1, reach=1.25), Ball("l2", 1.0)
    result = run_attack(attack, Echo(3), x, y, threat, bounds=WIDE)
    # 11 steps, and the batch's backward pass that was under way
    assert result.backward.tolist() == [40, 12]
    assert result.distance[0] == pytest.approx(0.5**0.5, rel=0.01)
