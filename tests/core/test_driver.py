from dataclasses import dataclass, replace

import pytest
import torch

from roadworthy.attacks.evasion.ddn import DDN
from roadworthy.attacks.evasion.fgsm import FGSM
from roadworthy.attacks.evasion.fmn import FMN
from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.core.attack import Composite, EvasionAttack, Part, Reason
from roadworthy.core.card import Card
from roadworthy.core.driver import HALVINGS, Limits, run_attack
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.model import Offer, PassCount
from roadworthy.core.threat import Ball
from tests.models import Echo, LinearModel

WIDE = (torch.tensor(-10.0), torch.tensor(10.0))


class Masked(LinearModel):
    """Rounds its inputs, so that no derivative points anywhere, yet other inputs give errors."""

    def forward(self, x):
        return super().forward(torch.round(x * 20) / 20)


class Patchy(LinearModel):
    """Right at and near the origin and in a shell, so that an error does not stay one nearer by."""

    def forward(self, x):
        length = x.norm(dim=1)
        is_wrong = (length > 0.4) & ((length < 0.5) | (length > 0.9))
        return super().forward(x) * 0 + torch.stack([0.5 - 1.0 * is_wrong, 0 * length], 1)


def two_classes(kind=LinearModel):
    """Class 0 where the features sum to more than 2, which is at an L2 distance of 1 from ones."""
    weight = torch.stack([torch.ones(4), torch.zeros(4)], 1)
    return kind(weight, torch.tensor([-2.0, 0.0]), (4,))


def three_classes():
    return LinearModel(torch.eye(3), torch.zeros(3), (3,))


@dataclass(frozen=True)
class Jump(EvasionAttack):
    """Moves every feature down by a given amount at once, and counts on the driver for the rest."""

    by: float = 0.75
    steps: int = 3
    is_minimal = True
    ends_at_success = False

    card = Card("jump", "Jump")
    threats = frozenset({"linf", "l2"})
    needs = frozenset({Offer.SCORES})

    def step(self, model, state, look, threat):
        return replace(state, x=state.origin - self.by)


@dataclass(frozen=True)
class Liar(Jump):
    """Says that the origin lies elsewhere, so that its candidate seems to be near."""

    is_minimal = False
    ends_at_success = True

    def step(self, model, state, look, threat):
        return replace(state, origin=state.origin - self.by, x=state.origin - self.by)


def ones(n=1):
    return torch.ones(n, 4), torch.zeros(n, dtype=torch.int64)


def test_a_fixed_budget_that_is_too_small_ends_as_budget():
    x = torch.tensor([[1.0, 0.5, 2.0, 0.8]])
    result = run_attack(PGD(), two_classes(), x, ones()[1], Ball("l2", 0.5), bounds=WIDE)
    assert result.reason.tolist() in ([Reason.BUDGET], [Reason.STALLED])
    assert not result.success.any()
    assert result.distance.tolist() == [float("inf")]
    assert torch.equal(result.x, x)


def test_a_corner_that_cannot_be_left_ends_as_stalled():
    x, y = ones()
    result = PGD()(two_classes(), x, y, Ball("linf", 0.1))
    assert result.reason.tolist() == [Reason.STALLED]


def test_a_model_without_any_gradient_ends_as_masked():
    x, y = ones()
    result = PGD()(two_classes(Masked), x, y, Ball("linf", 0.1))
    assert result.reason.tolist() == [Reason.MASKED_GRADIENT]
    assert result.zero_gradient.tolist() == [1.0]


def test_an_error_found_without_a_gradient_is_still_a_success():
    x, y = ones()
    result = Jump()(two_classes(Masked), x, y, Ball("linf", 0.1))
    assert result.reason.tolist() == [Reason.SUCCESS]


@pytest.mark.parametrize("attack", [PGD(), FMN(), DDN(), Jump(steps=100)])
@pytest.mark.parametrize("passes", [12, 23, 40])
def test_no_sample_takes_more_passes_than_allowed(attack, passes):
    x, y = ones(3)
    limits = Limits(passes=passes)
    result = run_attack(attack, two_classes(), x, y, Ball("l2", 0.9), limits=limits)
    assert (result.forward + result.backward).max() <= passes


def test_a_budget_of_passes_below_the_least_is_refused():
    x, y = ones()
    with pytest.raises(InputError, match=f"at least {3 + HALVINGS} passes"):
        run_attack(FMN(), two_classes(), x, y, Ball("l2", 1.0), limits=Limits(passes=5))


def test_no_step_is_made_after_the_seconds_are_used_up():
    x, y = ones()
    model = two_classes()
    run_attack(PGD(), model, x, y, Ball("l2", 0.5), limits=Limits(seconds=0.0))
    assert model.passes == PassCount(forward=2, backward=0)


def test_a_finished_sample_takes_no_more_passes():
    x = torch.tensor([[0.51] * 4, [1.0] * 4])
    y = torch.zeros(2, dtype=torch.int64)
    result = PGD()(two_classes(), x, y, Ball("linf", 0.05))
    assert result.reason[0] == Reason.SUCCESS
    assert result.forward[0] < result.forward[1] == 1 + 41  # the other is looked at every step


def test_a_targeted_attack_reaches_its_class():
    model, x = three_classes(), torch.tensor([[1.0, 0.9, 0.0]] * 2)
    y, target = torch.tensor([0, 0]), torch.tensor([1, 2])
    for attack, eps in ((PGD(), 1.0), (FMN(), 1.0), (DDN(), 1.0)):
        result = run_attack(attack, model, x, y, Ball("l2", eps), target=target)
        assert result.success.all()
        assert torch.equal(model.forward(result.x).argmax(1), target)


def test_a_sample_that_is_at_its_target_already_is_left_out():
    x, y = torch.tensor([[1.0, 0.5, 0.0]]), torch.tensor([1])
    target = torch.tensor([0])
    result = run_attack(PGD(), three_classes(), x, y, Ball("l2", 1.0), target=target)
    assert result.reason.tolist() == [Reason.ALREADY_WRONG]


def test_what_is_found_is_shortened_to_the_boundary():
    x, y = ones()
    result = Jump()(two_classes(), x, y, Ball("l2", 1.0))
    # the jump has length 1.5, the boundary is at 1
    assert 1.0 < result.distance[0] <= 1.0 + 1.5 / 2**HALVINGS


def test_shortening_never_leaves_success():
    model = two_classes(Patchy)
    x, y = torch.zeros(1, 4), torch.zeros(1, dtype=torch.int64)
    for by in (0.21, 0.24, 0.46, 0.75, 1.5):
        result = run_attack(Jump(by), model, x, y, Ball("l2", 1.0), bounds=WIDE)
        assert result.success.all()
        assert model.forward(result.x).argmax(1).tolist() == [1]
        assert result.distance[0] <= 2 * by


def test_a_lying_attack_is_caught():
    x, y = ones()
    result = Liar()(two_classes(), x, y, Ball("linf", 0.1))
    assert not result.success.any()
    assert torch.equal(result.x, x)
    assert result.distance.tolist() == [float("inf")]


def test_a_tie_is_no_success():
    x, y = torch.tensor([[0.6, 0.5]]), torch.tensor([0])

    class Even(Jump):
        def step(self, model, state, look, threat):
            return replace(state, x=torch.full_like(state.x, 0.5))

    result = Even()(Echo(2), x, y, Ball("linf", 0.5))
    assert not result.success.any()


def test_a_ball_far_from_zero_can_be_reached_in_spite_of_rounding():
    # around 2010 neighboring floats are 0.0001 apart, which is much of a radius of 0.01
    model = LinearModel(torch.tensor([[1.0, 0.0]]), torch.tensor([-2010.0, 0.0]), (1,))
    x, y = torch.tensor([[2010.002]]), torch.tensor([0])
    bounds = torch.tensor([1900.0]), torch.tensor([2100.0])
    threat = Ball("linf", 0.001, scale=(5.0,))
    result = run_attack(PGD(), model, x, y, threat, bounds=bounds)
    assert result.success.all()
    assert threat.contains(result.x - x).all()


def test_inputs_outside_the_usual_bounds_may_stay_but_not_go_farther():
    x, y = torch.tensor([[3.0, 0.2, 0.2, 0.2]]), torch.tensor([0])
    result = FMN()(two_classes(), x, y, Ball("l2", 1.0))
    assert result.success.all()
    assert result.x.max() <= 3.0
    assert result.x.min() >= 0.0


def test_what_a_model_does_not_offer_is_not_assessed():
    x, y = torch.tensor([[0.9, 0.1]]), torch.tensor([0])
    model = Echo(2, frozenset({Offer.LABELS}))
    with pytest.raises(NotAssessed, match="offers no gradients"):
        PGD()(model, x, y, Ball("l2", 1.0))


def test_an_attack_says_which_threat_models_it_knows():
    with pytest.raises(InputError, match="ddn attacks within l2, not linf"):
        DDN()(two_classes(), *ones(), Ball("linf", 1.0))


def test_no_input_is_refused():
    with pytest.raises(InputError, match="no input"):
        PGD()(two_classes(), torch.zeros(0, 4), torch.zeros(0).long(), Ball("l2", 1.0))


@dataclass(frozen=True)
class Probing(Jump):
    """Asks the model once more in each step, beside the look's gradient."""

    is_minimal = False
    ends_at_success = True
    needs = frozenset({Offer.GRADIENTS})

    def step(self, model, state, look, threat):
        look.gradient(lambda logits: -logits[:, 0])
        model(state.x.clone().requires_grad_())[:, 0].sum().backward()
        return replace(state, x=state.origin - self.by * (look.step + 1))


@pytest.mark.parametrize("per_call", [1, 5])
def test_passes_of_a_step_are_charged_to_the_samples_that_make_it(per_call):
    model = two_classes()
    model.passes_per_call = per_call
    x, y = torch.tensor([[0.51] * 4, [1.0] * 4]), torch.zeros(2, dtype=torch.int64)
    model.passes = PassCount()
    result = Probing(by=0.05)(model, x, y, Ball("linf", 0.2))
    assert result.reason.tolist() == [Reason.SUCCESS, Reason.BUDGET]
    assert (int(result.forward.sum()), int(result.backward.sum())) == (
        model.passes.forward,
        model.passes.backward,
    )
    # the second sample: the clean look, then a look and a pass of its own in each of 3 steps
    assert result.forward[1] == per_call * (1 + 3 + 3)
    # its own in each step, and the looks' gradients
    assert result.backward[1] == per_call * (3 + 3)


@dataclass(frozen=True)
class EachClass(Composite):
    """Tries to reach each of three classes in turn."""

    card = Card("each", "Each class")
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS})
    keeps_best = True

    def parts(self, model, y, threat):
        return tuple(Part(PGD(), (y + shift) % 3) for shift in (1, 2))


def test_a_wrong_sample_is_left_out_by_parts_that_aim_at_another_class():
    x, y = torch.tensor([[1.0, 0.5, 0.0]]), torch.tensor([1])
    result = EachClass()(three_classes(), x, y, Ball("l2", 1.0))
    assert result.reason.tolist() == [Reason.ALREADY_WRONG]
    assert result.forward.tolist() == [1]


@dataclass(frozen=True)
class Ensemble(Composite):
    """Tries one step, then looks for the nearest error."""

    card = Card("ensemble", "Ensemble")
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS})

    def parts(self, model, y, threat):
        return Part(FGSM()), Part(DDN())


def test_a_minimal_part_is_held_to_the_budget_of_the_whole():
    # the nearest errors are at 0.07 and, beyond the budget, at 2.1
    x, y = torch.tensor([[1.0, 0.9, 0.0], [3.0, 0.0, 0.0]]), torch.tensor([0, 0])
    model, threat = three_classes(), Ball("l2", 0.4)
    one_step, nearest, both = (
        run_attack(attack, model, x, y, threat, bounds=WIDE)
        for attack in (FGSM(), DDN(), Ensemble())
    )
    assert one_step.success.tolist() == [True, False]
    assert nearest.success.all()
    assert both.success.tolist() == [True, False]
    assert torch.equal(both.forward[0], one_step.forward[0])
    assert torch.equal(both.x[1], x[1])


def test_a_part_that_does_not_know_the_threat_is_refused():
    class Elsewhere(EachClass):
        threats = frozenset({"l1"})

        def parts(self, model, y, threat):
            return (Part(DDN()),)

    with pytest.raises(InputError, match="ddn attacks within l2, not l1"):
        Elsewhere()(three_classes(), torch.eye(3), torch.arange(3), Ball("l1", 1.0))
