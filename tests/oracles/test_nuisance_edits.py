import numpy as np
import pytest
import torch

from roadworthy.artifacts.attribute_edits import Groups, moving_along, with_all_of
from roadworthy.artifacts.photo_edits import COLOR_EDITS, PHOTO_EDITS, crop, retake
from roadworthy.artifacts.scene_edits import BACKGROUND_EDITS, WORN_EDITS, background
from roadworthy.core.dataset import Roles
from roadworthy.core.streams import Streams
from tests.datasets import table


def pictures(n=3, channels=3, side=48, seed=0):
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(seed))


def streams(n=3, seed=0):
    return Streams.of(seed, torch.arange(n))


FACE = torch.tensor([[16.0, 12, 32, 34]]).repeat(3, 1)
EVERY = {
    **{name: (lambda x, s, f=f: f(x, s)) for name, f in (PHOTO_EDITS | COLOR_EDITS).items()},
    **{name: (lambda x, s, f=f: f(x, None, s)) for name, f in BACKGROUND_EDITS.items()},
    **{
        f"{name}, face known": (lambda x, s, f=f: f(x, FACE[: len(x)], s))
        for name, f in (BACKGROUND_EDITS | WORN_EDITS).items()
    },
    "retake": retake,
}


@pytest.mark.parametrize("name", EVERY)
def test_an_edit_keeps_the_shape_the_range_and_its_input_and_does_not_depend_on_the_batch(name):
    x = pictures()
    before = x.clone()
    edited = EVERY[name](x, streams())
    assert torch.equal(x, before)
    assert edited.shape == x.shape
    assert edited.dtype == x.dtype
    assert 0 <= float(edited.min()) <= float(edited.max()) <= 1
    assert not torch.equal(edited, x)
    alone = EVERY[name](x[:1], streams(1))
    assert torch.allclose(alone, edited[:1], atol=1e-6)


@pytest.mark.parametrize("side", [8, 48])
def test_a_retake_is_hardly_seen(side):
    smooth = torch.linspace(0.2, 0.8, side).expand(3, 1, side, side).contiguous()
    moved = (retake(smooth, streams()) - smooth).abs()
    step = 0.6 / (side - 1)
    # a pixel to a side where pictures move at all, and a few levels of noise and rounding
    assert float(moved.mean()) < (step if side > 24 else 0) + 4 / 255


def test_a_crop_keeps_the_middle_nine_tenths():
    x = torch.linspace(0, 1, 40).expand(1, 1, 40, 40).contiguous()
    cropped = crop(x, streams(1))[0, 0, 0]
    centers = (torch.arange(40) + 0.5) / 40 - 0.5
    expected = (0.5 + 0.9 * centers) * 40 / 39 - 0.5 / 39
    assert torch.allclose(cropped, expected, atol=1e-5)


def test_things_behind_a_person_leave_the_person_alone():
    x = pictures()
    person = ~background(x, FACE)
    for edit in BACKGROUND_EDITS.values():
        changed = (edit(x, FACE, streams()) != x).any(1, keepdim=True)
        assert not (changed & person).any()
        assert changed.any()
    assert person[:, :, 12:34, 16:32].all()


def test_without_a_face_only_the_border_and_a_corner_change():
    x = pictures()
    for edit in BACKGROUND_EDITS.values():
        changed = (edit(x, None, streams()) != x).any(1)
        assert not changed[:, 12:, 12:36].any()


def test_a_headscarf_leaves_the_face_open_and_glasses_sit_on_it():
    x = pictures()
    scarf = (WORN_EDITS["headscarf"](x, FACE, streams()) != x).any(1)
    assert not scarf[:, 16:30, 20:28].any()
    assert scarf[:, 8:11, 22:26].all()
    rims = (WORN_EDITS["glasses"](x, FACE, streams()) != x).any(1)
    assert rims.any(2).nonzero()[:, 1].min() >= 16
    assert rims.any(2).nonzero()[:, 1].max() <= 26
    assert not rims[:, :, :16].any()


def people(n=400):
    generator = np.random.default_rng(0)
    sex = generator.integers(0, 2, n)
    along = 3 * sex + generator.normal(size=n)
    other = generator.normal(size=n)
    x = np.stack([sex, along, other], 1)
    roles = Roles(sensitive=("sex",))
    columns = {"sex": sex.astype(str)}
    names = ("sex", "along", "other")
    return table(x, sex, np.arange(n) % 2, names=names, columns=columns, roles=roles)


def test_what_moves_along_is_what_differs_between_groups():
    data = people()
    assert moving_along(data, Groups.of(data, "sex")).tolist() == [True, True, False]


def test_what_moves_along_is_taken_from_a_near_row_of_the_other_group():
    data = people()
    groups, rows = Groups.of(data, "sex"), torch.arange(50)
    edited = with_all_of(data, rows, groups, 0, True, Streams.of(0, rows))
    x, train = data.test.x[:50], data.train.x
    assert torch.equal(edited[:, 0], 1 - x[:, 0])
    assert torch.equal(edited[:, 2], x[:, 2])
    for old, new in zip(x, edited, strict=True):
        (donor,) = torch.nonzero(train[:, 1] == new[1])[0]
        others = train[train[:, 0] != old[0]]
        nearest = (others[:, 2] - old[2]).abs().sort().values[:5]
        assert (train[donor, 2] - old[2]).abs() <= nearest[-1] + 1e-5


def test_within_the_group_the_group_stays():
    data = people()
    groups, rows = Groups.of(data, "sex"), torch.arange(50)
    edited = with_all_of(data, rows, groups, 0, False, Streams.of(0, rows))
    assert torch.equal(edited[:, 0], data.test.x[:50, 0])
    assert not torch.equal(edited[:, 1], data.test.x[:50, 1])
