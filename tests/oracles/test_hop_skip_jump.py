import pytest
import torch

from roadworthy.attacks.evasion.hop_skip_jump import HopSkipJump
from roadworthy.core.attack import State
from roadworthy.core.driver import run_attack
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Ball
from tests.attack_subjects import Network, draw, linear

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_hop_skip_jump_comes_within_two_percent_of_a_hyperplane(norm):
    """In 20 dimensions, by 16 estimates: about 4 900 labels."""
    model, x, y, margin = linear((20,), 8)
    result = run_attack(HopSkipJump(steps=16), model, x, y, Ball(norm, 1.0), bounds=WIDE)
    assert result.success.all()
    assert (result.distance <= margin[norm] * 1.02).all()


def test_its_estimate_points_along_the_normal_of_a_hyperplane():
    model, x, y, _ = linear((20,), 4)
    w = model.weight[:, 0]
    on_it = x - ((x @ w) / (w @ w))[:, None] * w
    state = State(
        x=on_it, origin=x, y=y, sign=torch.ones(4), low=x - 50, high=x + 50,
        streams=Streams.of(0, torch.arange(4)), theta=x.new_zeros(4, 0),
        finished=torch.zeros(4, dtype=torch.bool), copy=torch.zeros(4).long(), guide=None,
    )  # fmt: skip
    attack = HopSkipJump(first_probes=20_000, most_probes=20_000)
    estimate = attack._gradient(model, state, Ball("l2", 1.0), (on_it - x).norm(dim=1), 0)
    away = torch.where(y == 0, -1.0, 1.0)[:, None] * w
    assert (torch.cosine_similarity(estimate, away) > 0.99).all()


def test_it_needs_no_more_than_labels():
    x = draw(8, 3, 8, 8, seed=1).sigmoid()
    graded, labeled = Network(), Network(frozenset({Offer.LABELS}))
    plain, y = labeled.forward, graded.forward(x).argmax(1)
    labeled.forward = lambda x: torch.nn.functional.one_hot(plain(x).argmax(1), 4).float()
    first, second = (
        run_attack(HopSkipJump(steps=3), model, x, y, Ball("l2", 1.0))
        for model in (graded, labeled)
    )
    assert torch.equal(first.x, second.x)


def test_a_class_to_reach_without_an_input_of_it_is_refused():
    model, x, y, _ = linear((20,), 4)
    with pytest.raises(InputError, match="pool"):
        run_attack(HopSkipJump(), model, x, y, Ball("l2", 1.0), target=1 - y)
