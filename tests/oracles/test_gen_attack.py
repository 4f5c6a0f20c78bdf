import torch

from roadworthy.attacks.evasion.gen_attack import GenAttack
from roadworthy.attacks.losses import lead
from roadworthy.core.attack import Look
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import trained

SEEN = []


class Watched(GenAttack):
    """Writes down by how much the model leads on each generation's elite."""

    def step(self, model, state, look: Look, threat):
        SEEN.append(lead(state, look.logits))
        return super().step(model, state, look, threat)


def test_the_fittest_is_never_lost():
    model, x, y = trained()
    SEEN.clear()
    run_attack(Watched(steps=60), model, x[:1], y[:1], Ball("linf", 0.02))
    leads = torch.cat(SEEN[1:])
    assert len(leads) == 59
    assert (leads.diff() <= 1e-5).all()
    assert leads[-1] < leads[0] - 0.1


def test_it_finds_more_than_random_corners_of_the_cube_do():
    """At like queries: the best of 210 random corners."""
    model, x, y = trained()
    found = run_attack(GenAttack(steps=30), model, x, y, Ball("linf", 0.15)).success
    generator = torch.Generator().manual_seed(0)
    is_hit = torch.zeros(len(x), dtype=torch.bool)
    for _ in range(210):
        signs = (torch.rand(x.shape, generator=generator) < 0.5) * 2.0 - 1
        is_hit |= model.forward((x + 0.15 * signs).clamp(0, 1)).argmax(1) != y
    assert found.sum() > is_hit.sum()
