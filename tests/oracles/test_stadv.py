import torch

from roadworthy.attacks import ADef, StAdv
from roadworthy.attacks.evasion.stadv import _variation
from roadworthy.attacks.threats import Deformation
from roadworthy.core.driver import run_attack
from tests.attack_subjects import draw, trained


def test_the_gradient_of_the_variation_is_that_of_finite_differences():
    flow = draw(1, 2, 4, 5, seed=1).double()
    gradient = _variation(flow)[1]
    for place in ((0, 0, 0, 0), (0, 1, 2, 3), (0, 0, 3, 4), (0, 1, 0, 2)):
        step = torch.zeros_like(flow)
        step[place] = 1e-6
        slope = (_variation(flow + step)[0] - _variation(flow - step)[0]) / 2e-6
        assert torch.allclose(gradient[place], slope[0], atol=1e-5)


def test_a_shift_of_the_whole_image_has_no_variation():
    shift = torch.tensor([1.0, -2.0])[None, :, None, None].expand(1, 2, 6, 6)
    assert _variation(shift)[0] < 1e-8
    shift = shift.clone()
    shift[0, :, 2, 2] += torch.tensor([3.0, 4.0])  # four neighbors, seen from both sides
    assert torch.allclose(_variation(shift)[0], torch.tensor(8 * 5.0), atol=1e-2)


def test_stadv_always_errs_and_its_flows_are_smoother_than_those_of_adef():
    model, x, y = trained()
    found = [run_attack(a, model, x, y, Deformation()) for a in (StAdv(), ADef())]
    assert found[0].success.all()
    smooth, rough = (_variation(r.theta.reshape(-1, 2, 8, 8))[0] for r in found)
    assert smooth.median() < rough.median()
