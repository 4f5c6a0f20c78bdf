"""What tasks promise: who is in them, how often, and how sure an accuracy is."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from roadworthy.core.dataset import Split
from roadworthy.core.errors import InputError
from roadworthy.fewshot import (
    EpisodeShape,
    EpisodeSource,
    SimpleShot,
    compare,
    evaluate,
    with_turns,
)
from roadworthy.fewshot.proto_net import Prototypes
from tests.few_shot_data import pictures


def uneven():
    """Classes 3, 5, 6 and 9 with 4 to 7 items, in no order; an item is its row number."""
    y = torch.tensor([3] * 4 + [5] * 5 + [6] * 6 + [9] * 7)
    y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))]
    return Split("rows", torch.arange(len(y)).float()[:, None], y, torch.arange(len(y)))


def test_items_are_of_their_class_and_never_drawn_twice():
    split, shape = uneven(), EpisodeShape(3, 2, 2)
    tasks = EpisodeSource(split, shape).draw(7, 0, 200)
    for task in range(200):
        rows = torch.cat([tasks.support_x[task], tasks.query_x[task]])[:, 0].long()
        names = torch.cat([tasks.support_y[task], tasks.query_y[task]])
        assert torch.equal(split.y[rows], tasks.classes[task][names])
        assert len(set(rows.tolist())) == 12
        assert len(set(tasks.classes[task].tolist())) == 3
    assert torch.equal(tasks.support_y[0].bincount(), torch.full((3,), 2))


def test_every_class_and_item_comes_equally_often():
    split = uneven()
    tasks = EpisodeSource(split, EpisodeShape(2, 1, 3)).draw(1, 0, 4000)
    times = tasks.classes.flatten().bincount()[[3, 5, 6, 9]]
    assert stats.chisquare(times.numpy()).pvalue > 0.001
    first = tasks.support_x[..., 0].long().flatten()
    for k in (3, 5, 6, 9):
        times = first[split.y[first] == k].bincount(minlength=22)[split.y == k]
        assert stats.chisquare(times.numpy()).pvalue > 0.001


def test_a_task_does_not_depend_on_those_drawn_with_it():
    source = EpisodeSource(uneven(), EpisodeShape(3, 2, 2))
    together, alone = source.draw(3, 0, 10), source.draw(3, 6, 1)
    assert torch.equal(together.support_x[6], alone.support_x[0])
    assert torch.equal(together.query_x[6], alone.query_x[0])
    assert not torch.equal(source.draw(4, 6, 1).support_x, alone.support_x)


def test_classes_with_too_few_items_are_counted():
    with pytest.raises(InputError, match=r"2 of 4 classes of rows have fewer than the 6 .* has 4"):
        EpisodeSource(uneven(), EpisodeShape(3, 1, 5))
    with pytest.raises(InputError, match="has 4"):
        EpisodeSource(uneven(), EpisodeShape(5, 1, 1))


def test_a_task_of_one_class_is_refused():
    with pytest.raises(InputError, match="at least 2 ways"):
        EpisodeShape(ways=1)


def test_turned_classes_are_classes_of_their_own():
    split = pictures(3, items=2)
    turned = with_turns(split)
    assert len(turned) == 24
    assert len(turned.y.unique()) == 12
    for row in range(24):
        quarter = int(turned.y[row]) % 4
        original = split.x[turned.ids[row]]
        assert torch.equal(
            turned.x[row], torch.from_numpy(np.rot90(original.numpy(), quarter, (1, 2)).copy())
        )
        assert turned.y[row] // 4 == split.y[turned.ids[row]]


def test_images_that_are_not_square_cannot_be_turned():
    split = pictures(2)
    with pytest.raises(InputError, match="1 × 16 × 12"):
        with_turns(Split("s", split.x[..., :12], split.y, split.ids))


def test_a_learner_of_pure_chance_is_found_to_be_one():
    noise = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    novel = Split("noise", noise, torch.arange(20).repeat(20), torch.arange(400))
    accuracy = evaluate(Prototypes(nn.Identity(), frozenset()), novel, episodes=300).accuracy
    assert accuracy.low < 0.2 < accuracy.high
    assert accuracy.n == 300


def test_the_interval_is_the_usual_one_over_tasks():
    novel = pictures(12, items=16, noise=1.0, first=50)
    scores = evaluate(Prototypes(nn.Flatten(), frozenset()), novel, EpisodeShape(5, 1, 5))
    half = 1.96 * scores.shares.std(ddof=1) / np.sqrt(600)
    assert scores.accuracy.value == pytest.approx(scores.shares.mean())
    # a bootstrap of 1,000 draws: its ends stray by some percent of the width
    assert scores.accuracy.low == pytest.approx(scores.shares.mean() - half, abs=0.2 * half)
    assert scores.accuracy.high == pytest.approx(scores.shares.mean() + half, abs=0.2 * half)


def test_learners_are_compared_task_by_task():
    novel = pictures(12, items=16, noise=1.0, first=50)
    shape = EpisodeShape(5, 1, 5)
    nearest = Prototypes(nn.Flatten(), frozenset())
    angles = SimpleShot().of(nn.Flatten(), pictures(4))
    one, other = (evaluate(a, novel, shape, episodes=100) for a in (nearest, angles))
    apart = compare(one, other)
    assert apart.value == pytest.approx((one.shares - other.shares).mean())
    assert apart.high - apart.low < one.accuracy.high - one.accuracy.low
    with pytest.raises(InputError, match="not judged on the same tasks"):
        compare(one, evaluate(angles, novel, shape, episodes=100, seed=1))
