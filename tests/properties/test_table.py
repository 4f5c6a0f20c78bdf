"""What holds of every change of a table that its rules allow."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.attacks.threats.table import NEVER, Column, TableRules

COSTS = st.sampled_from([0.5, 1.0, 3.0, NEVER])
NUMBERS = st.builds(
    Column,
    scale=st.sampled_from([0.1, 1.0, 7.0]),
    up=COSTS,
    down=COSTS,
    step=st.sampled_from([0.0, 0.0, 0.1, 1.0]),
    low=st.sampled_from([-NEVER, -2.0, 0.0]),
    high=st.sampled_from([NEVER, 2.5, 4.0]),
)
CODES = st.builds(Column, codes=st.integers(2, 4), change=COSTS)


@st.composite
def cases(draw):
    """Draw rules with a group of three columns, rows, and candidates anywhere."""
    group = [Column(group="color", change=draw(COSTS)) for _ in range(3)]
    columns = draw(st.lists(st.one_of(NUMBERS, CODES), min_size=1, max_size=6)) + group
    seed = draw(st.integers(0, 10_000))
    generator = torch.Generator().manual_seed(seed)
    spread = draw(st.sampled_from([0.3, 3.0, 100.0]))
    origin = torch.randint(0, 3, (7, len(columns)), generator=generator).float()
    if draw(st.booleans()):  # rows that break the rules may stay as they are
        origin += 0.5 * torch.randn(origin.shape, generator=generator)
    else:
        place = torch.randint(0, 3, (7,), generator=generator)
        origin[:, -3:] = torch.nn.functional.one_hot(place, 3).float()
    x = origin + spread * torch.randn(origin.shape, generator=generator)
    return TableRules(draw(st.sampled_from([0.0, 0.7, 1.0, 5.0])), tuple(columns)), origin, x


NONE = torch.zeros(7, 0)


@given(cases())
@settings(deadline=None)
def test_what_is_held_honors_every_rule_and_the_budget(case):
    table, origin, x = case
    free = table.hold(origin, x, NONE, is_bounded=False)[0]
    assert table.size(origin, free, NONE).isfinite().all()
    held = table.hold(origin, x, NONE, is_bounded=True)[0]
    assert table.allows(table.size(origin, held, NONE)).all()
    for k, column in enumerate(table.columns):
        moved = held[:, k] != origin[:, k]
        assert not (moved & (held[:, k] > origin[:, k])).any() or column.up < NEVER
        assert not (moved & (held[:, k] < origin[:, k])).any() or column.down < NEVER
        if column.step:
            multiple = (held[:, k] / column.step).round() * column.step
            assert torch.equal(multiple[moved], held[moved, k])
        if column.codes:
            assert set(held[moved, k].tolist()) <= set(range(column.codes))
    group = held[:, -3:]
    changed = (group != origin[:, -3:]).any(1)
    assert (group[changed].sort(1).values == torch.tensor([0.0, 0.0, 1.0])).all()


def test_a_number_cut_at_its_end_does_not_round_past_it():
    columns = (Column(up=0.5, down=3.0, low=0.0), Column(scale=0.1, up=0.5, down=0.5))
    table = TableRules(5.0, columns)
    generator = torch.Generator().manual_seed(0)
    origin = 3 * torch.rand(20_000, 2, generator=generator)
    x = origin + 3 * torch.randn(origin.shape, generator=generator)
    none = torch.zeros(len(x), 0)
    held = table.hold(origin, x, none, is_bounded=True)[0]
    assert (held[:, 0] == 0).any()
    assert table.size(origin, held, none).isfinite().all()


@given(cases(), st.booleans())
@settings(deadline=None)
def test_holding_again_changes_nothing(case, is_bounded):
    table, origin, x = case
    held = table.hold(origin, x, NONE, is_bounded)[0]
    assert torch.equal(table.hold(origin, held, NONE, is_bounded)[0], held)
    assert torch.equal(table.hold(origin, origin, NONE, is_bounded)[0], origin)


@given(cases())
@settings(deadline=None)
def test_the_narrowed_box_takes_nothing_from_what_is_held(case):
    table, origin, x = case
    held = table.hold(origin, x, NONE, is_bounded=True)[0]
    wide = torch.full_like(origin, 1e6)
    low, high = table.tighten(origin, -wide, wide)
    clipped = torch.minimum(torch.maximum(held, low), high)
    # a number at the very end of the budget may lose its last digit
    assert torch.allclose(clipped, held, rtol=1e-5, atol=1e-6)
    assert table.size(origin, clipped, NONE).isfinite().all()


@given(cases(), st.floats(0, 1))
@settings(deadline=None)
def test_a_shorter_change_is_allowed_and_costs_no_more(case, share):
    table, origin, x = case
    held = table.hold(origin, x, NONE, is_bounded=False)[0]
    shorter = table.shorten(origin, held, NONE, torch.full((7,), share))[0]
    size, before = (table.size(origin, part, NONE) for part in (shorter, held))
    assert (size <= before * (1 + 1e-5)).all()
    assert torch.equal(table.shorten(origin, held, NONE, torch.ones(7))[0], held)
