"""Attacked rows as evidence, next to what they were."""

import torch

from roadworthy.artifacts.adversarial_examples import AdversarialExamplesValue
from roadworthy.checks.examples import pairs_of, rows_of
from roadworthy.core.dataset import Dataset
from roadworthy.core.finding import Examples, Table

SHOWN = 12
CHANGES = 3  # features that are shown of each row


def nearest(data: Dataset, found: AdversarialExamplesValue) -> tuple[Examples, ...]:
    """Show the rows that take the smallest change, as they were and as they became."""
    is_found = found.success & ~found.is_wrong
    order = found.distance.masked_fill(~is_found, float("inf")).argsort(stable=True)
    chosen = order[: min(SHOWN, int(is_found.sum()))]
    if not len(chosen):
        return ()
    return (
        changed_rows(
            data,
            found.rows[chosen],
            found.x[chosen],
            "rows that take the smallest change",
            details=tuple(f"wrong at a distance of {d:.3g}" for d in found.distance[chosen]),
            total=int(is_found.sum()),
        ),
    )


def changed_rows(
    data: Dataset,
    rows: torch.Tensor,
    x: torch.Tensor,
    title: str,
    *,
    details: tuple[str, ...],
    total: int,
) -> Examples:
    """Show test rows (R,) next to what an attack made of them (R, …)."""
    return Examples(
        title,
        rows_of(data.test, rows.numpy()),
        details=details,
        pictures=pairs_of(data, data.test, rows, x, ("original", "attacked")),
        table=_table(data, rows, x),
        total=total,
    )


def _table(data: Dataset, rows: torch.Tensor, x: torch.Tensor) -> Table | None:
    if not data.features:
        return None
    original = data.test.x[rows]
    scale = torch.tensor([feature.scale for feature in data.features])
    largest = ((x - original).abs() / scale).argsort(dim=1, descending=True, stable=True)
    names = data.test.ids[rows].tolist()
    lines = [
        (names[i], data.features[j].name, float(original[i, j]), float(x[i, j]))
        for i in range(len(rows))
        for j in largest[i, :CHANGES].tolist()
        if x[i, j] != original[i, j]
    ]
    return Table("largest changes", ("row", "feature", "original", "attacked"), tuple(lines))
