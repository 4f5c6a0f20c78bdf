import numpy as np
import torch
from scipy.ndimage import map_coordinates

from roadworthy.attacks import ADef
from roadworthy.attacks.threats import Deformation
from roadworthy.core.driver import run_attack
from tests.attack_subjects import draw, trained
from tests.models import LinearModel

SIZE = 64


def waves(n):
    """Give smooth images (n, 1, SIZE, SIZE)."""
    place = torch.linspace(0, torch.pi, SIZE)
    phase = torch.arange(n)[:, None, None, None] * 0.3
    return 0.5 + 0.4 * torch.sin(place[:, None] + phase) * torch.cos(place * 1.5 - phase)


def test_a_deformation_reads_between_pixels_as_scipy_does():
    x, tau = draw(2, 3, 7, 9, seed=1).sigmoid(), 3 * draw(2, 2, 7, 9, seed=2)
    shown = Deformation().render(x, tau.flatten(1)).numpy()
    grid = np.stack(np.meshgrid(np.arange(7), np.arange(9), indexing="ij"))
    for image in range(2):
        for channel in range(3):
            exact = map_coordinates(
                x[image, channel].double().numpy(),
                grid + tau[image].numpy(),
                order=1,
                mode="nearest",
            )
            assert np.allclose(shown[image, channel], exact, atol=1e-5)


def test_no_deformation_gives_the_very_image():
    x = draw(3, 3, 7, 9, seed=1).sigmoid()
    threat = Deformation()
    assert torch.equal(threat.render(x, threat.neutral(x)), x)
    assert (threat.measure(x, threat.neutral(x)) == 0).all()


def test_a_deformation_is_as_large_as_its_longest_displacement():
    tau = torch.zeros(1, 2, 5, 5)
    tau[0, :, 2, 3] = torch.tensor([3.0, 4.0])
    x = draw(1, 1, 5, 5, seed=1).sigmoid()
    threat = Deformation(2.0)
    assert threat.measure(x, tau.flatten(1)) == 5
    held, theta = threat.hold(x, x, tau.flatten(1), is_bounded=True)
    assert torch.allclose(theta.reshape(tau.shape)[0, :, 2, 3], torch.tensor([1.2, 1.6]))
    assert torch.equal(held, threat.render(x, theta))


def test_adef_finds_the_smallest_displacement_of_a_linear_functional():
    x = waves(4)
    window = torch.sin(torch.linspace(0, torch.pi, SIZE))
    w = ((waves(2)[1, 0] - 0.5) * window[:, None] * window).flatten()  # the border has no say
    # at a small gap the first-order solution tau = gap * alpha / |alpha|^2 is exact
    slopes = np.stack(np.gradient(x[:, 0].double().numpy(), axis=(1, 2)), 1)
    alpha = slopes * w.double().reshape(SIZE, SIZE).numpy()
    gap = 0.02
    longest = np.sqrt((alpha**2).sum(1)).max((1, 2))
    exact = torch.tensor(gap * longest / (alpha**2).sum((1, 2, 3)))
    for index in range(4):
        bias = torch.stack([gap - x[index].flatten() @ w, torch.tensor(0.0)])
        model = LinearModel(torch.stack([w, torch.zeros_like(w)], 1), bias, (1, SIZE, SIZE))
        result = run_attack(
            ADef(sigma=0.0), model, x[index : index + 1], torch.tensor([0]), Deformation()
        )
        assert result.success.all()
        assert abs(float(result.distance[0] / exact[index]) - 1) < 0.05


def test_adef_makes_a_network_err_by_moving_pixels_less_than_their_size():
    model, x, y = trained()
    result = run_attack(ADef(), model, x[:20], y[:20], Deformation())
    assert result.success.all()
    assert result.distance.median() < 1.0
    shown = Deformation().render(x[:20], result.theta)
    assert torch.allclose(shown[result.success], result.x[result.success], atol=1e-6)
