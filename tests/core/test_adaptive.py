from dataclasses import replace

import pytest
import torch

from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.core.adaptive import BPDA, EOT, Guarded, InputStep, adaptive
from roadworthy.core.attack import Reason
from roadworthy.core.driver import run_attack
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Offer, PassCount
from roadworthy.core.threat import Ball
from tests.models import LinearModel

ROUND = InputStep("round-20", lambda x: torch.round(x * 20) / 20)
SHIFT = InputStep("shift", lambda x: x + 0.1, is_differentiable=True)


def two_classes(kind=LinearModel):
    """Class 0 where the features sum to more than 2."""
    return kind(torch.stack([torch.ones(4), torch.zeros(4)], 1), torch.tensor([-2.0, 0.0]), (4,))


class Noisy(LinearModel):
    """Turns every feature's sign at random: one gradient is as often wrong as right."""

    def __init__(self, *given):
        super().__init__(*given)
        self.spec = replace(self.spec, stochastic=True)

    def forward(self, x):
        flip = torch.where(torch.rand(len(x), 1) < 0.4, -1.0, 1.0)
        return super().forward(x) * flip


def rows(n=3):
    return torch.full((n, 4), 0.6), torch.zeros(n, dtype=torch.int64)


def test_a_guard_declares_what_it_does_to_gradients():
    guarded = Guarded(two_classes(), ROUND)
    assert guarded.spec.obstacles == ("round-20",)
    assert "gradients" not in guarded.spec.offers
    assert not guarded.spec.stochastic
    passable = Guarded(two_classes(), SHIFT)
    assert passable.spec.obstacles == ()
    assert "gradients" in passable.spec.offers


def test_bpda_gives_the_guards_answers_and_the_stand_ins_gradients():
    model, x = two_classes(), torch.rand(5, 4, requires_grad=True)
    around = BPDA(model, replace(ROUND, stand_in=lambda x: 3 * x))
    outputs = around.forward(x)
    assert torch.allclose(outputs, Guarded(model, ROUND).forward(x), atol=1e-6)
    (gradient,) = torch.autograd.grad(outputs[:, 0].sum(), x)
    assert torch.equal(gradient, torch.full((5, 4), 3.0))


def test_an_obstacle_is_gone_around_without_being_asked():
    x, y = rows()
    model, threat = Guarded(two_classes(), ROUND), Ball("linf", 0.15)
    result = PGD()(model, x, y, threat)
    assert (result.reason == Reason.SUCCESS).all()
    assert (model.forward(result.x).argmax(1) == 1).all()
    with pytest.raises(NotAssessed, match="offers no gradients"):
        run_attack(PGD(), model, x, y, threat, is_adaptive=False)


def test_guards_behind_guards_are_gone_around_too():
    x, y = rows()
    model = Guarded(Guarded(Guarded(two_classes(), ROUND), SHIFT), ROUND)
    result = PGD()(model, x, y, Ball("linf", 0.25))
    assert (result.reason == Reason.SUCCESS).all()


def test_what_does_not_say_how_is_left_as_it_is():
    model = two_classes()
    model.spec = replace(model.spec, obstacles=("unknown",))
    assert adaptive(model) is model
    assert adaptive(two_classes(Noisy)).spec.stochastic is False


def test_a_random_model_is_averaged():
    model, (x, _) = two_classes(Noisy), rows(1)
    logits = EOT(model, draws=4000).forward(x)
    one, other = (torch.tensor([[v, 0.0]]).softmax(1) for v in (0.4, -0.4))
    expected = 0.6 * one + 0.4 * other
    # 4,000 draws of a share of 0.4 err by 0.008 (one standard error)
    assert torch.allclose(logits.softmax(1), expected, atol=0.01)


def test_the_averages_passes_are_all_counted():
    model, (x, y) = two_classes(Noisy), rows(2)
    model.passes = PassCount()
    result = PGD(steps=3)(model, x, y, Ball("linf", 0.01))
    assert int(result.forward.sum()) == model.passes.forward
    assert int(result.backward.sum()) == model.passes.backward
    assert model.passes.forward % 10 == 0


def test_averaging_repeats_with_the_seed_and_leaves_torchs_numbers_alone():
    x, y = rows()
    before = torch.get_rng_state()
    first, second = (PGD()(two_classes(Noisy), x, y, Ball("linf", 0.08), seed=5) for _ in range(2))
    assert torch.equal(first.x, second.x)
    assert torch.equal(torch.get_rng_state(), before)


class Embedding(LinearModel):
    """Has features of its inputs that are linear too, and may be as random as its noise."""

    noise = 0.0

    def __init__(self, *given):
        super().__init__(*given)
        self.spec = replace(self.spec, offers=self.spec.offers | {Offer.EMBEDDINGS})

    def features(self, x):
        return x.flatten(1) @ self.weight + self.noise * torch.randn(len(x), 1)


def test_embeddings_are_guarded_and_differentiated_as_the_outputs_are():
    x, _ = rows()
    guarded = Guarded(two_classes(Embedding), ROUND)
    assert torch.equal(guarded.embed(x + 0.01), guarded.model.embed(ROUND.apply(x + 0.01)))
    seen, point = adaptive(guarded), (x + 0.01).requires_grad_()
    assert torch.allclose(seen.embed(point), guarded.embed(point.detach()))
    seen.embed(point)[:, 0].sum().backward()
    assert torch.equal(point.grad, torch.ones_like(point))


def test_random_embeddings_are_averaged():
    model = two_classes(Embedding)
    model.noise, exact = 1.0, two_classes(Embedding).embed(rows()[0])
    model.spec = replace(model.spec, stochastic=True)
    seen = EOT(model, draws=400)
    assert torch.allclose(seen.embed(rows()[0]), exact, atol=0.25)
    assert seen.passes == PassCount(forward=400 * 3)


def test_on_a_random_model_an_attack_goes_on_to_the_most_confident_error():
    weight = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    steady = LinearModel(weight, torch.tensor([-0.5, 0.0]), (2,))
    noisy = InputStep("noise", lambda x: x + 0.3 * torch.randn_like(x), True, True)
    x, y = torch.tensor([[0.55, 0.5]]), torch.tensor([0])
    model, threat = Guarded(steady, noisy), Ball("linf", 0.4)
    found = run_attack(PGD(steps=20), model, x, y, threat)
    assert found.success.all()
    # the first error lies just beyond 0.5; the most confident one at the end of the ball
    assert float(found.x[0, 0]) < 0.2
    assert int(found.forward[0]) > 20 * 10


def test_passes_through_steps_that_answer_in_several_are_all_counted():
    weight = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    steady = LinearModel(weight, torch.tensor([-0.5, 0.0]), (2,))
    noisy = InputStep("noise", lambda x: x + 0.1 * torch.randn_like(x), True, True)
    mean = EOT(Guarded(steady, noisy), draws=7)
    assert Guarded(mean, InputStep("same", lambda x: x)).passes_per_call == 7
    assert EOT(mean, draws=3).passes_per_call == 21
