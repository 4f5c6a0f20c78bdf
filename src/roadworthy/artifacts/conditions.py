"""Conditions on one column, from which slices of the rows are made."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from roadworthy.artifacts.coarse_pixels import principal_axes
from roadworthy.core.dataset import Dataset

CUTS = 9  # of a number: its deciles
MOST_VALUES = 12  # of a category: its most frequent ones
COMPONENTS = 5
LEARNED = 2000  # rows that the components are learned on


@dataclass(frozen=True, eq=False)
class Conditions:
    """What can be said of a row.

    Args:
        words: (L,) such as `age > 61` or `sex = F`.
        holds: (L, N) bool, of which rows it is true.
    """

    words: tuple[str, ...]
    holds: np.ndarray


def conditions_on(columns: Mapping[str, np.ndarray], seen: np.ndarray) -> Conditions:
    """Make conditions on columns (N,); cuts and values are taken from the rows `seen` (N,) only."""
    words, holds = [], []
    for name, values in columns.items():
        if values.dtype.kind in "iufb":
            numbers = values.astype(float)
            known = numbers[seen & np.isfinite(numbers)]
            cuts = np.linspace(0, 1, CUTS + 2)[1:-1]
            for cut in np.unique(np.quantile(known, cuts, method="lower")) if len(known) else ():
                words += [f"{name} > {cut:g}", f"{name} ≤ {cut:g}"]
                holds += [numbers > cut, numbers <= cut]
        else:
            texts = np.where(values.astype(str) == "", "missing", values.astype(str))
            found, times = np.unique(texts[seen], return_counts=True)
            for value in found[np.argsort(-times, kind="stable")[:MOST_VALUES]]:
                words.append(f"{name} = {value}")
                holds.append(texts == value)
    return Conditions(tuple(words), np.stack(holds) if holds else np.zeros((0, len(seen)), bool))


def table_columns(data: Dataset) -> dict[str, np.ndarray]:
    """Give the features of the test rows, categories by name."""
    columns = {}
    for feature, values in zip(data.features, data.test.x.T.numpy(), strict=True):
        is_category = bool(feature.categories)
        names = np.array(feature.categories) if is_category else None
        columns[feature.name] = values if names is None else names[values.astype(np.int64)]
    return columns


def image_columns(x: Tensor) -> dict[str, np.ndarray]:
    """Say of images (N, C, H, W) how bright, contrasty and detailed they are."""
    gray = x.double().mean(1)
    across = pad(gray.diff(dim=2).abs(), (0, 1)) + pad(gray.diff(dim=1).abs(), (0, 0, 0, 1))
    summaries = {
        "brightness": gray.flatten(1).mean(1),
        "contrast": gray.flatten(1).std(1),
        "detail": across.flatten(1).mean(1),
    }
    return {name: values.numpy() for name, values in summaries.items()}


def text_columns(x: Tensor) -> dict[str, np.ndarray]:
    """Say of texts (N, L) how long they are, and how much of them are capitals and digits."""
    length = (x != 0).sum(1).double()
    codes, place = x.unique(return_inverse=True)
    letters = [chr(code) for code in codes.tolist()]
    columns = {"length in characters": length.numpy()}
    for name, test in (("share of capitals", str.isupper), ("share of digits", str.isdigit)):
        is_such = torch.tensor([test(letter) for letter in letters])
        columns[name] = (is_such[place].sum(1) / length.clamp_min(1)).numpy()
    return columns


def component_columns(vectors: Tensor, seen: np.ndarray, of: str) -> dict[str, np.ndarray]:
    """Give the first principal components of vectors (N, E), learned on the rows `seen` (N,)."""
    flat = vectors.flatten(1).double()
    learned = flat[torch.from_numpy(seen)][:LEARNED]
    center, axes = principal_axes(learned, COMPONENTS)
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    scores = (flat - center) @ (axes * largest.sign()).T  # a component's sign means nothing
    return {f"component {k + 1} of {of}": column.numpy() for k, column in enumerate(scores.T)}


def role_columns(data: Dataset) -> dict[str, np.ndarray]:
    """Give the sensitive attributes and the environment of the test rows."""
    names = (*data.roles.sensitive, *filter(None, [data.roles.environment]))
    return {name: data.test.columns[name] for name in names}
