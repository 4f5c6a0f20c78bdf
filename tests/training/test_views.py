"""Changes that leave the class alone: what they may move, and by how much."""

import pytest
import torch

from roadworthy.core.dataset import Dataset, Feature, Split, Task
from roadworthy.training.views import (
    NOISE,
    SHIFT,
    SWAPPED,
    hidden,
    shifted,
    strong_view,
    swapped,
    weak_view,
)
from tests.toy_data import toy

KINDS = pytest.mark.parametrize("kind", ["image", "tabular"])
VIEWS = pytest.mark.parametrize("view", [weak_view, strong_view], ids=["weak", "strong"])


@KINDS
@VIEWS
def test_a_view_keeps_the_shape_and_the_rows_it_was_given(kind, view):
    data = toy(Task.NOMINAL, kind)
    x = data.train.x
    before = x.clone()
    seen = view(data)(x)
    assert seen.shape == x.shape
    assert seen.dtype == x.dtype
    assert torch.equal(x, before)
    assert not torch.equal(seen, x)


@VIEWS
def test_a_view_of_an_image_is_a_valid_image(view):
    data = toy(Task.NOMINAL, "image")
    seen = view(data)(data.train.x)
    assert float(seen.min()) >= 0
    assert float(seen.max()) <= 1


@KINDS
@VIEWS
def test_a_view_follows_torchs_seed(kind, view):
    data = toy(Task.NOMINAL, kind)
    change = view(data)

    def seen(seed):
        torch.manual_seed(seed)
        return change(data.train.x)

    assert torch.equal(seen(1), seen(1))
    assert not torch.equal(seen(1), seen(2))


def test_a_shift_moves_whole_pixels_and_repeats_the_edge():
    torch.manual_seed(0)
    side = 2 * SHIFT
    x = torch.rand(40, 2, side, side)
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2), mode="replicate")
    found = set()
    for image, edges in zip(shifted(x), padded, strict=True):
        ways = [
            (down, right)
            for down in range(5)
            for right in range(5)
            if torch.equal(image, edges[:, down : down + side, right : right + side])
        ]
        assert len(ways) == 1
        found.update(ways)
    assert len(found) > 15  # of the 25 ways, most come up


def test_noise_is_measured_in_standard_deviations_and_leaves_categories():
    torch.manual_seed(0)
    features = (
        Feature("small", scale=0.1),
        Feature("large", scale=50.0),
        Feature("kind", "category", ("a", "b")),
    )
    x = torch.zeros(4000, 3)
    split = Split("train", x, torch.zeros(4000).long(), torch.arange(4000))
    data = Dataset("table", Task.NOMINAL, ("no", "yes"), (split, split), features)
    moved = weak_view(data)(x).std(0)
    torch.testing.assert_close(moved, NOISE * torch.tensor([0.1, 50.0, 0.0]), rtol=0.05, atol=0.0)
    only = Dataset("codes", Task.NOMINAL, ("no", "yes"), (split, split), features[2:])
    assert torch.equal(weak_view(only)(x[:, 2:]), x[:, 2:])


def test_a_swap_takes_values_of_the_same_column_as_often_as_said():
    torch.manual_seed(0)
    rows = 5000
    x = torch.arange(3.0) * 10_000 + torch.arange(float(rows))[:, None]  # no value comes twice
    seen = swapped(x)
    for column in range(3):
        assert torch.isin(seen[:, column], x[:, column]).all()
    share = (seen != x).float().mean(0)
    torch.testing.assert_close(share, torch.full((3,), SWAPPED), rtol=0.0, atol=0.025)
    # columns are swapped apart from each other
    both = ((seen != x)[:, 0] & (seen != x)[:, 1]).float().mean()
    assert abs(float(both) - SWAPPED**2) < 0.02


def test_a_swap_keeps_the_distribution_of_a_column():
    torch.manual_seed(0)
    code = (torch.rand(20_000, 1) < 0.2).float()
    assert abs(float(swapped(code).mean() - code.mean())) < 0.01


def test_what_is_hidden_is_one_gray_rectangle_of_up_to_half_the_side():
    torch.manual_seed(0)
    x = torch.ones(200, 1, 16, 16)
    is_gray = hidden(x)[:, 0] == 0.5
    assert torch.isin(hidden(x), torch.tensor([0.5, 1.0])).all()
    rows, columns = is_gray.any(2).sum(1), is_gray.any(1).sum(1)
    assert torch.equal(is_gray.sum((1, 2)), rows * columns)
    assert int(rows.max()) <= 8
    assert int(columns.max()) <= 8
    assert int(rows.max()) >= 7
