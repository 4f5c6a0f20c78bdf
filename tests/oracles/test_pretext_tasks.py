"""Pretext tasks: what is asked, what is answered, and what of it the training starts with."""

import math
from dataclasses import replace

import pytest
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.images.random_crops import cropped, recolored
from roadworthy.recipes import CNN, MLP, TextTransformer
from roadworthy.strategies import STRATEGIES
from roadworthy.strategies.context_prediction import PLACES, Grid, one_color
from roadworthy.strategies.mae import hidden_squares
from roadworthy.strategies.rotation import turned
from roadworthy.strategies.scarf import drawn_anew
from roadworthy.strategies.self_supervision import SelfSupervision, without_single
from roadworthy.training.crew import Crew
from roadworthy.training.loop import Training
from roadworthy.training.plan import Batch, Machine
from tests.toy_data import toy

SHORT = {"epochs": 3, "batch": 32}
WAYS = [strategy for strategy in STRATEGIES if issubclass(strategy, SelfSupervision)]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.card.name)


def plan_for(way, machine=None):
    kind = min(way.kinds)
    data = toy(Task.NOMINAL, kind)
    recipes = {
        "image": CNN(width=8, epochs=1),
        "tabular": MLP(epochs=1),
        "text": TextTransformer(words=50, width=16, heads=2, epochs=1),
    }
    recipe = recipes[kind]
    return replace(recipe.plan(data, data.train, 0), machine=machine or Machine())


def step_of(name, plan=None):
    """Make a pre-training and its first step; gives the training and a batch."""
    way = STRATEGIES.get(name)(**SHORT)
    plan = plan or plan_for(type(way))
    pretext = way.pretext(plan)
    before = replace(plan, objective=pretext.objective, beside=pretext.beside, after=pretext.after)
    torch.manual_seed(0)
    training = Training.of(before, Crew.of(Machine()))
    rows = torch.arange(32)
    x, y = plan.rows.x[rows], plan.rows.y[rows]
    return training, Batch(x, y, y, rows, 0.25, beside=training.beside)


@every_way
def test_a_pretraining_that_was_stopped_goes_on_to_the_same_bits(way, tmp_path):
    whole = way(**SHORT).apply(plan_for(way), Silent())

    class Stopped(Silent):
        def advance(self, share):
            if share > 0.5:
                raise KeyboardInterrupt

    machine = Machine(folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        way(**SHORT).apply(plan_for(way, machine), Stopped())
    again = way(**SHORT).apply(plan_for(way, machine), Silent())
    assert again.start.keys() == whole.start.keys()
    assert all(torch.equal(again.start[name], whole.start[name]) for name in whole.start)


@every_way
def test_the_training_starts_with_all_but_the_last_layer(way):
    plan = way(**SHORT).apply(plan_for(way), Silent())
    training = Training.of(plan, Crew.of(Machine()))
    fresh = training.network.state_dict()
    assert {name for name in fresh if name not in plan.start} == {"1.head.weight", "1.head.bias"}
    assert all(torch.equal(fresh[name], value) for name, value in plan.start.items())


@every_way
def test_targets_play_no_part(way):
    plan = plan_for(way)
    other = replace(plan, rows=replace(plan.rows, y=plan.rows.y.flip(0)))
    starts = [way(**SHORT).apply(each, Silent()).start for each in (plan, other)]
    assert all(torch.equal(starts[0][name], starts[1][name]) for name in starts[0])


@every_way
def test_rows_without_targets_are_learned_from(way):
    plan = plan_for(way)
    half = torch.arange(len(plan.rows)) < 60
    unknown = plan.rows.take(~half)
    unknown = replace(unknown, y=torch.full_like(unknown.y, -1))
    few = replace(plan, rows=plan.rows.take(half))
    both = way(**SHORT).apply(replace(few, unlabelled=unknown), Silent()).start
    # the same rows in the same order, so that the pre-training is that of all rows with targets
    all_known = way(**SHORT).apply(plan, Silent()).start
    assert all(torch.equal(both[name], all_known[name]) for name in both)


def test_no_step_has_a_single_row():
    for rows in range(2, 60):
        for batch in range(2, 20):
            size = without_single(rows, batch)
            assert rows % size != 1
            assert size <= batch or all(rows % less == 1 for less in range(2, batch + 1))
    with pytest.raises(InputError, match="at least two rows"):
        without_single(1, 8)


def test_two_strategies_that_pretrain_are_refused_before_they_do():
    plan = plan_for(STRATEGIES.get("simclr"))
    plan = STRATEGIES.get("simclr")(**SHORT).apply(plan, Silent())
    with pytest.raises(InputError, match="byol and simclr both set the start"):
        STRATEGIES.get("byol")(**SHORT).apply(plan, Silent())


# rotation


def test_all_four_quarter_turns_are_asked_for():
    x = torch.rand(3, 2, 4, 4)
    turns, labels = turned(x)
    for row in range(12):
        expected = x[row % 3]
        for _ in range(row // 3):
            expected = expected.transpose(1, 2).flip(1)  # a quarter turn against the clock
        assert int(labels[row]) == row // 3
        assert torch.equal(turns[row], expected)


def test_images_that_are_not_square_are_not_turned():
    plan = plan_for(STRATEGIES.get("rotation"))
    wide = replace(plan, rows=replace(plan.rows, x=plan.rows.x[:, :, :6]))
    with pytest.raises(InputError, match="6 × 8"):
        STRATEGIES.get("rotation")().apply(wide, Silent())


# context prediction


def test_the_label_says_where_the_patch_lay():
    pixels, rows = 40, 200
    torch.manual_seed(0)
    grid = Grid.of(pixels, 0.5)
    row, column = torch.meshgrid(torch.arange(pixels), torch.arange(pixels), indexing="ij")
    x = torch.stack([row, column]).float().expand(rows, -1, -1, -1)  # a pixel says where it is
    place = torch.randint(8, (rows,))
    middle, other = grid.patches(x, place)
    apart = (other - middle)[:, :, 0, 0]
    expected = torch.tensor(PLACES)[place] * grid.step
    assert (apart - expected).abs().max() <= grid.jitter
    assert (apart - expected).abs().max() > 0
    # between two patches there is a gap however they are moved
    assert grid.step - grid.jitter > grid.side
    assert middle.shape == other.shape == (rows, 2, grid.side, grid.side)
    names = ["above left", "above", "above right", "left", "right", "below left", "below"]
    assert PLACES[names.index("above")] == (-1, 0)
    assert PLACES[names.index("right")] == (0, 1)


def test_the_largest_patches_that_fit_are_taken():
    for pixels in range(8, 100):
        grid = Grid.of(pixels, 0.5)
        assert grid.reach <= pixels
    with pytest.raises(InputError, match="have 5 pixels"):
        Grid.of(5, 0.5)


def test_one_color_is_left():
    x = torch.rand(50, 3, 4, 4)
    is_kept = (one_color(x) == x).flatten(2).all(2)
    assert (is_kept.sum(1) == 1).all()
    assert is_kept.any(0).all()


# masked autoencoder


def test_as_many_whole_squares_are_hidden_of_each_image():
    is_hidden = hidden_squares(torch.rand(30, 3, 28, 28), 7, 0.75)
    squares = is_hidden.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4)
    assert torch.equal(squares.all(4), squares.any(4))
    assert (squares.all(4).flatten(1).sum(1) == round(0.75 * 49)).all()
    assert is_hidden.float().mean(0).std() > 0  # not the same of each


def test_squares_at_the_far_edges_are_cut_off():
    assert hidden_squares(torch.rand(2, 1, 10, 13), 4, 0.5).shape == (2, 1, 10, 13)


# SCARF


def test_columns_are_drawn_from_what_each_holds():
    torch.manual_seed(0)
    known = torch.stack([torch.arange(100.0), torch.arange(100.0) + 1000], 1)
    known = torch.cat([known, known + 5000], 1)
    x = torch.full((4000, 4), -1.0)
    drawn = drawn_anew(x, known, 3)
    is_drawn = drawn >= 0
    assert (is_drawn.sum(1) == 3).all()
    assert is_drawn.float().mean(0).allclose(torch.full((4,), 0.75), atol=0.03)
    for column in range(4):
        values = drawn[is_drawn[:, column], column]
        assert set(values.tolist()) == set(known[:, column].tolist())
        # uniform over the rows: a standard error of the mean is 29 / sqrt(3000)
        assert abs(values.mean() - known[:, column].mean()) < 4 * 29 / 3000**0.5


def test_columns_are_drawn_independently():
    torch.manual_seed(0)
    known = torch.arange(50.0)[:, None].expand(-1, 2)  # two columns that always agree
    drawn = drawn_anew(torch.zeros(4000, 2), known, 2)
    assert abs(torch.corrcoef(drawn.T)[0, 1]) < 0.06


# the slow copies


@pytest.mark.parametrize(("name", "copy"), [("byol", "target"), ("dino", "teacher")])
def test_the_copy_moves_by_its_share_and_gets_no_gradient(name, copy):
    training, batch = step_of(name)
    beside, body = training.beside[name], training.body
    old = [weight.clone() for weight in getattr(beside, copy).parameters()]
    loss = training.plan.objective(body, batch)
    loss.backward()
    assert all(weight.grad is None for weight in getattr(beside, copy).parameters())
    assert any(weight.grad is not None and weight.grad.any() for weight in body.parameters())
    training.adam.step()
    for change in training.plan.after:
        change(body, batch)
    keep = 1 - 0.03 * (math.cos(math.pi * 0.25) + 1) / 2
    new = getattr(beside, copy).parameters()
    for before, after, online in zip(old, new, body.parameters(), strict=True):
        assert after.allclose(keep * before + (1 - keep) * online, atol=1e-6)


def test_the_center_follows_the_teachers_answers():
    training, batch = step_of("dino")
    beside = training.beside["dino"]
    seen = []
    beside.teacher_head.register_forward_hook(lambda _, __, answers: seen.append(answers))
    training.plan.objective(training.body, batch)
    assert beside.center.allclose(0.1 * torch.cat(seen).mean(0), atol=1e-7)


# views


def test_a_crop_of_everything_is_the_image():
    torch.manual_seed(0)
    x = torch.rand(5, 3, 9, 12)
    near = cropped(x, 1.0)  # of a stretched box the longer side is cut, so not exactly
    assert near.shape == x.shape
    assert (near - x).abs().mean() < 0.2
    assert near.min() >= 0
    assert near.max() <= 1


def test_a_crop_shows_the_asked_share_of_the_area():
    torch.manual_seed(0)
    ramp = torch.linspace(0, 1, 100)
    x = torch.stack([ramp[:, None].expand(100, 100), ramp.expand(100, 100)]).expand(200, 2, -1, -1)
    seen = cropped(x, 0.3)
    height = seen[:, 0].amax((1, 2)) - seen[:, 0].amin((1, 2))
    width = seen[:, 1].amax((1, 2)) - seen[:, 1].amin((1, 2))
    area = height * width
    assert area.min() > 0.27
    assert 0.55 < area.mean() < 0.68  # uniform from 0.3 to 1, less what does not fit
    aspect = (height / width).log().abs()
    assert aspect.max() < 0.34


def test_colors_stay_within_bounds_and_some_go_gray():
    torch.manual_seed(0)
    x = torch.rand(400, 3, 5, 5)
    changed = recolored(x)
    assert changed.min() >= 0
    assert changed.max() <= 1
    is_gray = (changed == changed[:, :1]).flatten(1).all(1)
    assert 0.12 < is_gray.float().mean() < 0.28
