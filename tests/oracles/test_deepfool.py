"""DeepFool and NewtonFool against the exact distances of linear models."""

import pytest
import torch

from roadworthy.attacks import DeepFool, NewtonFool
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.models import LinearModel

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


def linear_classes(features=10, classes=5, rows=20):
    """Give a linear model of several classes, rows, their classes and all boundaries' distances."""
    weight, bias, x = draw(features, classes, seed=1), draw(classes, seed=2), draw(rows, features)
    model = LinearModel(weight, bias, (features,))
    logits = model.forward(x)
    y = logits.argmax(1)
    gap = logits.gather(1, y[:, None]) - logits
    slope = weight.T[y][:, :, None] - weight[None]  # (N, D, K)
    return model, x, y, gap, slope


@pytest.mark.parametrize(("norm", "dual"), [("l2", 2.0), ("linf", 1.0)])
def test_deepfool_finds_the_nearest_of_several_hyperplanes(norm, dual):
    model, x, y, gap, slope = linear_classes()
    length = torch.linalg.vector_norm(slope, dual, dim=1)
    exact = (gap / length).scatter(1, y[:, None], float("inf")).amin(1)
    result = run_attack(DeepFool(), model, x, y, Ball(norm, 1.0), bounds=WIDE)
    assert result.success.all()
    assert (result.distance >= exact * (1 - 1e-5)).all()
    assert (result.distance <= exact * 1.02).all()
    assert (result.backward <= 2 * 4).all(), "one step is enough where the model is linear"


def test_deepfool_goes_to_the_boundary_of_the_class_it_is_told():
    model, x, y, _, slope = linear_classes(classes=2)
    target = 1 - y
    margin = model.forward(x).gather(1, y[:, None]) - model.forward(x).gather(1, target[:, None])
    exact = margin[:, 0] / slope.gather(2, target[:, None, None].expand(-1, 10, 1))[:, :, 0].norm(
        dim=1
    )
    result = run_attack(DeepFool(), model, x, y, Ball("l2", 1.0), target=target, bounds=WIDE)
    assert torch.allclose(result.distance, exact, rtol=0.01)


def test_deepfool_does_not_stall_where_the_box_clips_its_steps():
    # half of the features are at the end of their range already, as in images on black
    w = torch.cat([torch.full((8,), 1.0), torch.full((8,), -1.0)])
    model = LinearModel(torch.stack([w, -w], 1), torch.tensor([9.0, 0.0]), (16,))
    x = torch.cat([torch.zeros(1, 8), torch.full((1, 8), 0.4)], 1)
    result = DeepFool()(model, x, torch.tensor([0]), Ball("l2", 1.0))
    assert result.success.all()
    # 2 (w·x) + 9 = 2.6 has to be undone by eight features of slope 2 that can still move
    assert result.distance[0] == pytest.approx(2.6 / 2 / 8**0.5, rel=0.01)


def test_newtonfool_reaches_the_hyperplane_of_a_linear_model():
    model, x, y, gap, slope = linear_classes(classes=2)
    other = 1 - y[:, None]
    length = slope.norm(dim=1).gather(1, other)[:, 0]
    exact = gap.gather(1, other)[:, 0] / length
    result = run_attack(NewtonFool(steps=400), model, x, y, Ball("l2", 1.0), bounds=WIDE)
    assert result.success.all()
    assert (result.distance <= exact * 1.02).all()


def test_newtonfools_step_is_the_papers():
    # p = 0.8 of class 0, K = 2: the step is min(eta |x| |g|, p - 0.99/2) / |g| along -g / |g|
    model = LinearModel(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.zeros(2), (2,))
    x = torch.tensor([[1.386294, 3.0]])  # log 4
    seen = []

    class Watched(LinearModel):
        def forward(self, x):
            seen.append(x.detach())
            return super().forward(x)

    watched = Watched(model.weight, model.bias, (2,))
    run_attack(NewtonFool(steps=1), watched, x, torch.tensor([0]), Ball("l2", 1.0), bounds=WIDE)
    steepness = 0.8 * 0.2
    expected = min(0.01 * float(x.norm()) * steepness, 0.8 - 0.495) / steepness
    assert float(x[0, 0] - seen[1][0, 0]) == pytest.approx(expected, rel=1e-4)
    assert float(seen[1][0, 1]) == 3.0
