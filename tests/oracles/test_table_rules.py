"""Rules of columns: what a dataset says of them, and costs that were added up by hand."""

import pytest
import torch

from roadworthy.attacks.threats.table import NEVER, Column, TableRules
from roadworthy.core.dataset import Dataset, Feature, Split, Task
from roadworthy.core.errors import InputError

NONE = torch.zeros(1, 0)
RULES = TableRules(
    2.0,
    (
        Column(scale=2.0, up=1.0, down=3.0),
        Column(step=1.0, down=NEVER),
        Column(codes=3, change=0.5),
        Column(group="color", change=0.7),
        Column(group="color", change=0.9),
    ),
)
ORIGIN = torch.tensor([[1.0, 4.0, 2.0, 1.0, 0.0]])


@pytest.mark.parametrize(
    ("x", "cost"),
    [
        ([1.0, 4.0, 2.0, 1.0, 0.0], 0.0),
        ([2.0, 4.0, 2.0, 1.0, 0.0], 0.5),
        ([0.0, 4.0, 2.0, 1.0, 0.0], 1.5),
        ([1.0, 6.0, 2.0, 1.0, 0.0], 2.0),
        ([1.0, 3.0, 2.0, 1.0, 0.0], NEVER),
        ([1.0, 4.5, 2.0, 1.0, 0.0], NEVER),
        ([1.0, 4.0, 0.0, 1.0, 0.0], 0.5),
        ([1.0, 4.0, 3.0, 1.0, 0.0], NEVER),
        ([1.0, 4.0, 2.0, 0.0, 1.0], 0.9),
        ([1.0, 4.0, 2.0, 1.0, 1.0], NEVER),
        ([1.0, 4.0, 2.0, 0.0, 0.0], NEVER),
        ([3.0, 5.0, 1.0, 0.0, 1.0], 1 + 1 + 0.5 + 0.9),
    ],
)
def test_costs_add_up_and_a_broken_rule_has_no_price(x, cost):
    size = RULES.size(ORIGIN, torch.tensor([x]), NONE)
    assert torch.allclose(size, torch.tensor([cost]))


def test_whole_numbers_are_rounded_toward_where_they_were():
    x = torch.tensor([[1.0, 5.9, 2.0, 1.0, 0.0]])
    held, _ = RULES.hold(ORIGIN, x, NONE, is_bounded=False)
    assert held.tolist() == [[1.0, 5.0, 2.0, 1.0, 0.0]]


def test_the_rules_come_from_what_the_training_split_holds():
    x = torch.tensor([[0.5, 3.0, 0.0, 1.0], [1.5, 4.0, 1.0, 2.0]])
    y, ids = torch.tensor([0, 1]), torch.arange(2)
    features = (
        Feature("size", low=0.5, high=1.5, scale=0.7),
        Feature("rooms", low=3.0, high=4.0, scale=0.5),
        Feature("garden"),
        Feature("town", "category", ("a", "b", "c"), low=1.0, high=2.0),
    )
    splits = Split("train", x, y, ids), Split("test", x, y, ids)
    data = Dataset("flats", Task.NOMINAL, ("a", "b"), splits, features)
    size, rooms, garden, town = TableRules.of(data, immutable=["rooms"]).columns
    assert (size.scale, size.step, size.up, size.low, size.high) == (0.7, 0.0, 1.0, 0.5, 1.5)
    assert (rooms.step, rooms.up, rooms.down) == (1.0, NEVER, NEVER)
    assert garden.codes == 2
    assert town.codes == 3
    with pytest.raises(InputError, match="'attic'"):
        TableRules.of(data, immutable=["attic"])


def test_rows_of_another_width_are_refused():
    with pytest.raises(InputError, match="rows of 5 columns"):
        RULES.size(torch.zeros(1, 4), torch.zeros(1, 4), NONE)
