"""Rows as evidence: their numbers for everybody, their content for those who may see it."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.finding import Picture, Table
from roadworthy.core.text import to_texts

MOST_ROWS = 1000  # a list that somebody can still leave out of the data and look through
MOST_SHOWN = 24


def rows_of(split: Split, rows: np.ndarray) -> tuple[tuple[str, int], ...]:
    """Name rows of a split by where they stood in the source, at most `MOST_ROWS`."""
    return tuple((split.name, row) for row in split.ids.numpy()[rows[:MOST_ROWS]].tolist())


def pictures_of(
    data: Dataset, split: Split, rows: np.ndarray, captions: Sequence[str]
) -> tuple[Picture, ...]:
    """Draw the first rows of an image dataset; nothing for tables or unusual channels."""
    if data.kind != "image" or split.x.shape[1] not in (1, 3):
        return ()
    shown = split.x[torch.from_numpy(rows[:MOST_SHOWN].copy())]
    pixels = (shown.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    _, channels, height, width = shown.shape
    return tuple(
        Picture(caption, width, height, channels, image.tobytes())
        for caption, image in zip(captions[:MOST_SHOWN], pixels, strict=True)
    )


def pairs_of(
    data: Dataset, split: Split, rows: torch.Tensor, changed: torch.Tensor, words: Sequence[str]
) -> tuple[Picture, ...]:
    """Draw rows (R,) of an image dataset side by side with what they became (R, C, H, W)."""
    if data.kind != "image" or split.x.shape[1] not in (1, 3):
        return ()
    pairs = torch.cat([split.x[rows], changed], dim=3)
    pixels = (pairs.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    _, channels, height, width = pairs.shape
    captions = [f"row {name}: {', '.join(words)}" for name in split.ids[rows].tolist()]
    return tuple(
        Picture(caption, width, height, channels, image.tobytes())
        for caption, image in zip(captions, pixels, strict=True)
    )


def texts_side_by_side(data: Dataset, found: Mapping[str, np.ndarray]) -> Table | None:
    """Tabulate texts of several splits, line by line; None for other inputs.

    Args:
        data: holds the rows.
        found: (P,) rows by split.
    """
    if data.kind != "text":
        return None
    columns = []
    for name, rows in found.items():
        split, first = data.split(name), torch.from_numpy(rows[:MOST_SHOWN].copy())
        columns += [split.ids[first].tolist(), to_texts(split.x[first])]
    names = tuple(word for name in found for word in (f"{name} row", f"{name} text"))
    return Table("Texts side by side", names, tuple(zip(*columns, strict=True)))


def edited_texts_of(split: Split, rows: torch.Tensor, edited: torch.Tensor, title: str) -> Table:
    """Tabulate texts of some rows (R,) beside what they became (R, L)."""
    columns = split.ids[rows].tolist(), to_texts(split.x[rows]), to_texts(edited)
    return Table(title, ("row", "text", "edited"), tuple(zip(*columns, strict=True)))


def values_of(data: Dataset, split: Split, rows: np.ndarray, title: str) -> Table | None:
    """Tabulate the first rows of a tabular dataset, or the first texts; None for images."""
    rows = rows[:MOST_SHOWN]
    if data.kind == "text":
        shown = to_texts(split.x[torch.from_numpy(rows.copy())])
        lines = zip(split.ids.numpy()[rows].tolist(), shown, strict=True)
        return Table(title, ("row", "text"), tuple(lines))
    if not data.features:
        return None
    values = [column.tolist() for column in split.x.T[:, torch.from_numpy(rows.copy())]]
    words = [
        [feature.categories[int(value)] for value in column] if feature.categories else column
        for feature, column in zip(data.features, values, strict=True)
    ]
    names = ("row", *(feature.name for feature in data.features))
    return Table(title, names, tuple(zip(split.ids.numpy()[rows].tolist(), *words, strict=True)))
