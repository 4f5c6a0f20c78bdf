"""Strategies that change which rows count and how much, against counts made by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.core.dataset import Dataset, Roles, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.recipes import MLP
from roadworthy.strategies import (
    ClassWeights,
    LabelSmoothing,
    PrunedLabels,
    RankNet,
    Reweighing,
    WithoutCopies,
)


def plan_for(x, y, columns=None, test=None, sensitive=()):
    ids = torch.arange(len(x))
    train = Split("train", x, y, ids, columns or {})
    data = Dataset(
        "rows",
        Task.NOMINAL,
        ("no", "yes"),
        (train, Split("test", x[:1] if test is None else test, y[:1], ids[:1], columns or {})),
        roles=Roles(sensitive=sensitive),
    )
    return MLP(epochs=20).plan(data, data.train, 0)


def test_reweighing_makes_group_and_class_independent():
    # 6 men of whom 4 have class 1, 4 women of whom 1 has
    sex = np.array(["m"] * 6 + ["w"] * 4)
    y = torch.tensor([1, 1, 1, 1, 0, 0, 1, 0, 0, 0])
    plan = Reweighing().apply(
        plan_for(torch.rand(10, 2), y, {"sex": sex}, sensitive=("sex",)), Silent()
    )
    expected = {("m", 1): 0.6 * 0.5 / 0.4, ("m", 0): 0.6 * 0.5 / 0.2}
    expected |= {("w", 1): 0.4 * 0.5 / 0.1, ("w", 0): 0.4 * 0.5 / 0.3}
    wanted = [expected[group, int(label)] for group, label in zip(sex, y, strict=True)]
    torch.testing.assert_close(plan.weights, torch.tensor(wanted))
    for group in "mw":
        of_group = torch.from_numpy(sex == group)
        share = plan.weights[of_group & (y == 1)].sum() / plan.weights[of_group].sum()
        assert float(share) == pytest.approx(0.5)


def test_reweighing_asks_for_an_attribute():
    with pytest.raises(InputError, match="--sensitive"):
        Reweighing().apply(plan_for(torch.rand(4, 2), torch.tensor([0, 1, 0, 1])), Silent())


def test_class_weights_give_every_class_the_same_total():
    y = torch.tensor([0] * 9 + [1])
    weights = ClassWeights().apply(plan_for(torch.rand(10, 2), y), Silent()).weights
    assert float(weights.mean()) == pytest.approx(1)
    assert float(weights[y == 0].sum()) == pytest.approx(float(weights[y == 1].sum()))


def test_a_weight_counts_as_often_as_the_row():
    x, y = torch.rand(4, 2), torch.tensor([0, 1, 1, 0])
    plan = plan_for(x, y)
    weighted = replace(plan, weights=torch.tensor([2.0, 1.0, 1.0, 0.0]))
    outputs = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([0, 0, 1, 2])
    repeated = plan.batch(x[rows], y[rows], rows, 0.0).loss(outputs[rows])
    every = torch.arange(4)
    torch.testing.assert_close(weighted.batch(x, y, every, 0.0).loss(outputs), repeated)


def test_copies_of_test_rows_are_left_out():
    x = torch.tensor([[0.0, 1.0], [2.0, 3.0], [-0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    plan = plan_for(x, torch.tensor([0, 1, 0, 1, 0]), test=torch.tensor([[0.0, 1.0]]))
    assert WithoutCopies().apply(plan, Silent()).rows.ids.tolist() == [1, 3, 4]
    assert WithoutCopies(within=True).apply(plan, Silent()).rows.ids.tolist() == [1, 4]


def test_flipped_labels_of_two_clusters_are_left_out():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(200) % 2
    x = torch.randn(200, 2, generator=generator) * 0.3 + 3 * y[:, None]
    given = y.clone()
    given[:10] = 1 - given[:10]
    kept = PrunedLabels().apply(plan_for(x, given), Silent()).rows.ids
    assert kept.tolist() == list(range(10, 200))


@pytest.mark.parametrize("first", [LabelSmoothing(), RankNet()], ids=lambda s: s.card.name)
def test_rows_are_left_out_before_anything_is_made_for_them(first):
    plan = first.apply(plan_for(torch.rand(10, 2), torch.arange(10) % 2), Silent())
    with pytest.raises(InputError, match="name it first"):
        WithoutCopies().apply(plan, Silent())
