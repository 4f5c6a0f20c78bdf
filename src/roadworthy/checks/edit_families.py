"""Families of edits that are judged together: their effects, and by group."""

from collections.abc import Mapping, Sequence

import numpy as np

from roadworthy.checks.edit_effects import Edit, EditEffects, effects_of
from roadworthy.core.artifact import Get, Subject
from roadworthy.core.estimates import holm
from roadworthy.core.finding import Table
from roadworthy.core.groups import named_groups

MIN_ROWS = 20  # of a group


def effects_by_family(
    subject: Subject, get: Get, plan: Mapping[str, Sequence[Edit]], seed: int
) -> tuple[dict[str, list[EditEffects]], dict[str, float]]:
    """Compare outputs before and after the edits of each family.

    Returns:
        The effects by family, with intervals that hold together, and Holm's p-values by edit.
    """
    comparisons = sum(len(edits) for edits in plan.values())
    found = {
        family: [
            effects_of(subject, get, edit, comparisons=comparisons, seed=seed) for edit in edits
        ]
        for family, edits in plan.items()
    }
    every = [effects for each in found.values() for effects in each]
    corrected = holm(np.array([effects.p_value for effects in every]))
    p_values = {effects.name: float(p) for effects, p in zip(every, corrected, strict=True)}
    return found, p_values


def surest_effect(found: Sequence[EditEffects], top: EditEffects, neutral: str, rows: str) -> str:
    """Say which of several edits moves the score, and how far, without a full stop.

    Args:
        found: all that were tried.
        top: the one that moves it most surely.
        neutral: what it is held against.
        rows: over which rows.
    """
    shown = top.measures
    claim = (
        f"Of {len(found)} edits, {top.name!r} moves the score most surely: by "
        f"{shown[1].value:.2f} of its deviations on average over {rows}, where {neutral} moves it "
        f"by {shown[2].value:.2f}"
    )
    return claim if top.flipped is None else f"{claim}; {shown[3].value:.1%} of the answers flip"


def group_tables(subject: Subject, family: str, found: Sequence[EditEffects]) -> tuple[Table, ...]:
    """Tabulate the mean change by group of each sensitive attribute."""
    test, tables = subject.dataset.test, []
    for attribute in subject.dataset.roles.sensitive:
        groups = named_groups(test.columns[attribute])
        lines = []
        for effects in found:
            own = groups[effects.rows.numpy()]
            for group in np.unique(own):
                part = effects.take(own == group)
                if len(part.rows) >= MIN_ROWS:
                    mean, absolute, *_ = part.measures
                    line = (mean.value, mean.low, mean.high, absolute.value)
                    lines.append((effects.name, str(group), len(part.rows), *line))
        columns = ("edit", attribute, "rows", "mean", "low", "high", "absolute")
        tables.append(Table(f"Effects of {family} by {attribute}", columns, tuple(lines)))
    return tuple(tables)
