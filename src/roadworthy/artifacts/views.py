"""Parts of an input that should not tell the target."""

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.coarse_pixels import SIDE, coarse
from roadworthy.artifacts.declared_faces import faces, is_located
from roadworthy.artifacts.scene_edits import background
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.words import words_of
from roadworthy.sources.features import MISSING as FILLER
from roadworthy.sources.file_columns import KIND, SIZE

SMALLEST = 16  # pixels a side: below, a border of an eighth is a single row of pixels
FIXED = 8  # pixels of the fixed border
DEPTH, LENGTH = 4, 16  # cells that strips and squares are averaged to
COUNTS = 0.999  # correlation with the row number, from which on a column counts the rows
WHOLE = "whole image"
CENTER = "center"
BORDERS = ("border of an eighth", "border of 8 pixels", "corners")
BACKGROUND = "background"
AROUND = (*BORDERS, BACKGROUND)  # what surrounds the one that is shown
BRIGHTNESS = "brightness and contrast"
MISSING = "which values are missing"
COUNTER = "columns that count the rows"
HOW_LONG = "length of the text"

Views = dict[str, np.ndarray]


def views_of(data: Dataset, part: Split) -> Views:
    """Give the parts by name, each (N, D); a dataset has some of them only."""
    views = {name: x for name, x in _file_views(part).items() if _varies(x)}
    if data.kind == "text":
        views |= {name: x for name, x in _text_views(part).items() if _varies(x)}
    elif data.kind == "tabular":
        views |= {name: x for name, x in _table_views(data, part).items() if _varies(x)}
    elif min(part.x.shape[-2:]) >= SMALLEST:
        views |= _image_views(part.x) | _background_view(data, part)
    return views


def has_views(data: Dataset) -> bool:
    """Say whether a dataset has such parts."""
    is_large = data.kind == "image" and min(data.train.x.shape[-2:]) >= SMALLEST
    return is_large or bool(views_of(data, data.train))


def _varies(x: np.ndarray) -> bool:
    return x.shape[1] > 0 and bool((x != x[0]).any())


def _image_views(x: Tensor) -> Views:
    height, width = x.shape[-2:]
    eighth = (height // 8, width // 8)
    views = {WHOLE: _pooled(x, SIDE, SIDE), CENTER: _pooled(_inner(x, *eighth), SIDE, SIDE)}
    margins = {BORDERS[0]: eighth}
    if min(height, width) > 8 * FIXED:  # else it is the same, or more than a border
        margins[BORDERS[1]] = (FIXED, FIXED)
    views |= {name: _border(x, *margin) for name, margin in margins.items()}
    views[BORDERS[2]] = _corners(x, *eighth)
    levels = [x.mean((2, 3)), x.std((2, 3))]
    views[BRIGHTNESS] = torch.cat(levels, 1).double().numpy()
    return views


def _background_view(data: Dataset, part: Split) -> Views:
    """Give what lies around people whose faces are declared; a row without a face has the mean."""
    if not data.roles.face:
        return {}
    face = faces(data, part).to(part.x)
    located = is_located(face)
    if not located.any():
        return {}
    is_background = background(part.x, face.nan_to_num())
    n = is_background.sum((2, 3), keepdim=True).clamp_min(1)
    level = (part.x * is_background).sum((2, 3), keepdim=True) / n
    view = _pooled(torch.where(is_background, part.x, level), SIDE, SIDE)
    view[~located.numpy()] = view[located.numpy()].mean(0)
    return {BACKGROUND: view}


def _pooled(x: Tensor, rows: int, columns: int) -> np.ndarray:
    return coarse(x, rows, columns).flatten(1).double().numpy()


def _inner(x: Tensor, a: int, b: int) -> Tensor:
    return x[..., a:-a, b:-b]


def _border(x: Tensor, a: int, b: int) -> np.ndarray:
    """Give the strips of a rows above and below, and of b columns left and right between them."""
    flat = [_pooled(strip, DEPTH, LENGTH) for strip in (x[..., :a, :], x[..., -a:, :])]
    between = x[..., a:-a, :]
    tall = [_pooled(strip, LENGTH, DEPTH) for strip in (between[..., :b], between[..., -b:])]
    return np.concatenate([*flat, *tall], 1)


def _corners(x: Tensor, a: int, b: int) -> np.ndarray:
    squares = [strip[..., side] for strip in (x[..., :a, :], x[..., -a:, :]) for side in _ends(b)]
    return np.concatenate([_pooled(square, DEPTH, DEPTH) for square in squares], 1)


def _ends(b: int) -> tuple[slice, slice]:
    return slice(None, b), slice(-b, None)


def _file_views(part: Split) -> Views:
    views = {}
    if KIND in part.columns:
        kinds = part.columns[KIND].astype(str)
        views[KIND] = (kinds[:, None] == np.unique(kinds)).astype(float)
    if SIZE in part.columns:
        views[SIZE] = np.log(part.columns[SIZE].astype(float))[:, None]
    return views


def _text_views(part: Split) -> Views:
    """Give how many characters and words texts have, as logarithms."""
    words = torch.bincount(words_of(part.x)[0], minlength=len(part))
    lengths = torch.stack([(part.x != 0).sum(1), words], 1)
    return {HOW_LONG: lengths.double().log1p().numpy()}


def _table_views(data: Dataset, part: Split) -> Views:
    x, order = part.x.double().numpy(), np.argsort(part.ids.numpy(), kind="stable")
    place = np.empty(len(x))
    place[order] = np.arange(len(x))
    counts = [j for j in range(x.shape[1]) if _counts(x[:, j], place)]
    return {MISSING: _missing(data, part), COUNTER: x[:, counts]}


def _counts(column: np.ndarray, place: np.ndarray) -> bool:
    """Say whether a column (N,) without repetition rises or falls with the row number."""
    if len(np.unique(column)) < len(column):
        return False
    ranks = np.empty(len(column))
    ranks[np.argsort(column)] = np.arange(len(column))
    return bool(abs(np.corrcoef(ranks, place)[0, 1]) > COUNTS)


def _missing(data: Dataset, part: Split) -> np.ndarray:
    """Say which values of a table's columns were missing, where that can still be told: (N, M).

    Categories have a word for it. Numbers were filled in by the median of the training rows: they
    are known where no other value equals it, but perhaps the one that is the median.
    """
    masks = []
    for j, feature in enumerate(data.features):
        if not feature.missing:
            continue
        if feature.categories:
            masks.append(part.x[:, j].numpy() == feature.categories.index(FILLER))
            continue
        fill = np.median(data.train.x[:, j].numpy())
        filled = sum(int((split.x[:, j].numpy() == fill).sum()) for split in data.splits)
        if filled <= feature.missing + 1:
            masks.append(part.x[:, j].numpy() == fill)
    return np.stack(masks, 1).astype(float) if masks else np.empty((len(part), 0))
