"""Phantoms against arithmetic on single pixels, and the tracker against a loop over frames."""

import itertools

import pytest
import torch

from roadworthy.attacks.clip import Clip
from roadworthy.attacks.physical.phantom import PhantomSearch
from roadworthy.attacks.threats.phantom import Phantom
from roadworthy.core.dataset import Task
from roadworthy.core.model import Model, ModelSpec
from tests.attack_subjects import Network, draw, trained
from tests.models import GRADED


def shown(x, mode="projection", figure="sign", theta=(0.4, 0.0, 0.0, 0.3), **more):
    threat = Phantom(mode=mode, figure=figure, **more)
    return threat.render(x, torch.tensor([theta]).expand(len(x), -1))


def test_a_projection_shows_what_the_surface_throws_back():
    x = torch.cat([torch.full((1, 3, 33, 33), grey) for grey in (0.0, 0.5, 1.0)])
    red = shown(x)[:, :, 16 + 5, 16]  # below the bar, within the octagon
    albedo = torch.tensor([0.2, 0.6, 1.0])
    assert torch.allclose(red[:, 0], torch.tensor([0.0, 0.5, 1.0]) + 0.4 * albedo, atol=1e-3)
    assert torch.allclose(red[:, 1:], x[:, 1:, 0, 0], atol=0.01)


def test_a_billboard_is_blended_over_what_is_behind_it():
    x = torch.full((1, 3, 33, 33), 0.5)
    lit = shown(x, "billboard")[0, :, 21, 16]
    assert torch.allclose(lit, torch.tensor([0.6 * 0.5 + 0.4, 0.3, 0.3]), atol=0.01)


@pytest.mark.parametrize("figure", ["sign", "person", "lane"])
def test_nothing_changes_away_from_the_object(figure):
    x = draw(1, 3, 33, 33).sigmoid()
    change = (shown(x, figure=figure, theta=(0.4, 0.25, -0.25, 0.15)) - x)[0].abs().amax(0)
    assert change[16 + 8, 16 - 8] > 0.05
    assert change[:14].max() < 1e-3
    assert change[:, 19:].max() < 1e-3


def test_no_light_gives_every_bit_of_the_image():
    threat, x = Phantom(), draw(2, 3, 9, 9).sigmoid()
    assert torch.equal(threat.render(x, threat.neutral(x)), x)


def test_a_phantom_is_smooth_in_strength_place_and_radius():
    x = draw(1, 3, 9, 9).sigmoid().double()
    theta = torch.tensor([[0.3, 0.11, -0.07, 0.23]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: Phantom().render(x, t), theta)


def test_in_a_clip_it_is_lit_in_some_frames_only():
    clip = draw(2, 6, 3, 9, 9).sigmoid()
    theta = torch.tensor([[0.4, 0.0, 0.0, 0.3], [0.2, 0.1, 0.0, 0.2]])
    lit = Phantom(frames=2).render(clip, theta)
    for frame in range(6):
        alone = Phantom().render(clip[:, frame], theta)
        assert torch.equal(lit[:, frame], alone if frame in (1, 2) else clip[:, frame])


class Reader(Model):
    """Takes a frame's only pixel for its class."""

    def __init__(self):
        super().__init__(ModelSpec("reader", Task.NOMINAL, (1, 1, 1), 3, GRADED, "reader"))

    def forward(self, x):
        return -(x.flatten(1) - torch.arange(3)).abs()


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_a_tracker_changes_its_mind_after_enough_frames_in_a_row(needed):
    clips = torch.tensor(list(itertools.product(range(3), repeat=5))).float()
    answers = Clip(Reader(), 5, needed)(clips[:, :, None, None, None])
    for clip, answer in zip(clips.tolist(), answers, strict=True):
        runs = [(c, len(list(same))) for c, same in itertools.groupby(clip)]
        changes = {c for c, length in runs if length >= needed and c != clip[0]}
        assert set((answer > 0).nonzero()[:, 0].tolist()) == changes
        assert (answer.argmax() == clip[0]) == (not changes)


def test_a_phantom_that_is_gone_too_soon_does_not_fool_a_tracker():
    frame = draw(12, 3, 8, 8, seed=1).sigmoid()
    clip = frame[:, None].expand(-1, 6, -1, -1, -1).contiguous()
    model = Clip(Network(), 6, needed=3)
    with torch.no_grad():
        y = model.forward(clip).argmax(1)
    found = [
        PhantomSearch(steps=10)(model, clip, y, Phantom(frames=frames)).success.sum()
        for frames in (2, 3)
    ]
    assert found[0] == 0
    assert found[1] > 0


def test_a_still_clip_falls_exactly_where_its_frame_does():
    model, frame = Network(), draw(12, 3, 8, 8, seed=1).sigmoid()
    clip = frame[:, None].expand(-1, 5, -1, -1, -1).contiguous()
    with torch.no_grad():
        y = model.forward(frame).argmax(1)
    threat, attack = Phantom(eps=0.3), PhantomSearch(steps=10)
    alone = attack(model, frame, y, threat)
    together = attack(Clip(model, 5, needed=3), clip, y, threat)
    assert 0 < alone.success.sum() < 12
    assert torch.equal(alone.success, together.success)


def test_a_search_finds_more_errors_than_as_many_random_phantoms_do():
    model, x, y = trained()
    threat = Phantom(mode="billboard", figure="lane")
    found = PhantomSearch()(model, x, y, threat).success.sum()
    by_chance = PhantomSearch(steps=1, restarts=200)(model, x, y, threat).success.sum()
    assert 0 < by_chance <= found
