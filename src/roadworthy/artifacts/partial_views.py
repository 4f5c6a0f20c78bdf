from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.quick_model import FEWEST, class_ranking, cross_fitted_ridge, one_hot
from roadworthy.artifacts.roles import clusters, is_known
from roadworthy.artifacts.views import views_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress
from roadworthy.sources.file_columns import KIND

FOLDS = 5
MOST = 2000
CONTROLS = 39  # a part that beats all of them does so by chance 1 time in 40
SOURCE = "source"


@dataclass(frozen=True, eq=False)
class PartialViewsValue:
    """How rows rank by parts of their input that a quick model has seen on other rows.

    Args:
        rows: (R,) rows of the training split that were judged.
        y: (R,) class number; of a number, whether it is above the median.
        names: what each of the V views shows.
        scores: (V, R, K) score of each class that occurs, by a model not fitted on the row.
        controls: (V, P) AUC when labels are permuted.
        source: (R,) number of the row's source, -1 where it is not known; empty without sources.
        source_scores: (V, R, E) score of each source that occurs, the unknown one included.
        within: (W,) which of the rows belong to the largest source of several classes.
        within_name: what that source is called, or empty.
        within_scores: (V, W, L) score of each of its classes, by models fitted on it alone.
    """

    rows: Tensor
    y: Tensor
    names: tuple[str, ...]
    scores: Tensor
    controls: Tensor
    source: Tensor
    source_scores: Tensor
    within: Tensor
    within_name: str
    within_scores: Tensor


@dataclass(frozen=True)
class PartialViews(Artifact[PartialViewsValue]):
    """How well parts of the input that should not tell the target do tell it.

    For images: borders, corners, what lies around a declared face, brightness, and the kind and
    size of the file, besides center and whole for comparison; for tables: which values are missing,
    and columns that count the rows; for texts: how long they are. From each, a ridge regression of
    the classes, cross-fitted on five folds of at most 2000 training rows; rows of one group lie in
    one fold. The same for labels permuted 39 times, for the row's source (its environment, else the
    kind of its file), and within one source alone.
    """

    card = Card("partial-views", "Parts of the input on their own")
    value = PartialViewsValue

    def cost(self, subject: Subject) -> float:
        return 50 * min(MOST, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> PartialViewsValue:
        data, seed = subject.dataset, subject.seed_for(self)
        rows = some_rows(len(data.train), MOST, seed)
        part = data.train.take(rows)
        views = views_of(data, part)
        if not views:
            raise NotAssessed(why_none(data))
        y, code, names = _classes(data, part), *sources_of(data, part)
        if len(names):
            views[SOURCE] = one_hot(code)
        fold = folds_of(part, clusters(data, part), FOLDS, seed).numpy()
        within = _largest_source(code, y)
        shuffle = np.random.default_rng(seed)
        permuted = [shuffle.permutation(y) for _ in range(CONTROLS)]
        parts = []
        for k, x in enumerate(views.values()):
            parts.append(_scores(x, y, permuted, code, within, fold))
            progress.advance((k + 1) / len(views))
        scores, controls, source_scores, within_scores = zip(*parts, strict=True)
        return PartialViewsValue(
            rows,
            torch.from_numpy(y),
            tuple(views),
            torch.from_numpy(np.stack(scores)),
            torch.tensor(controls, dtype=torch.float64),
            torch.from_numpy(code),
            torch.from_numpy(np.stack(source_scores)),
            torch.from_numpy(within),
            str(names[code[within[0]]]) if len(within) else "",
            torch.from_numpy(np.stack(within_scores)),
        )


def why_none(data: Dataset) -> str:
    """Say why a dataset has no part that should not tell the target."""
    if data.kind == "text":
        return "all texts have the same length"
    if data.kind == "tabular":
        return "no value of the table is missing and no column counts its rows"
    height, width = data.train.x.shape[-2:]
    return f"images of {width}x{height} pixels are too small to have a border"


def sources_of(data: Dataset, part: Split) -> tuple[np.ndarray, np.ndarray]:
    """Number each row's source (N,), -1 where it is not known, and name them: (E,).

    The source is the environment, or else the kind of the image's file. Both are empty where it
    is not known, or all rows have the same.
    """
    column = data.roles.environment or (KIND if KIND in part.columns else None)
    if column is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=str)
    values = part.columns[column]
    known = is_known(values)
    names, place = np.unique(values[known].astype(str), return_inverse=True)
    if len(names) < 2:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=str)
    code = np.full(len(values), -1)
    code[known] = place
    return code, names


def _classes(data: Dataset, part: Split) -> np.ndarray:
    y = part.y.numpy()
    if data.task == Task.REGRESSION:
        return (y > np.median(y)).astype(np.int64)
    return y


def _largest_source(code: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the rows of the largest source in which two classes have enough rows."""
    found, size = np.unique(code[code >= 0], return_counts=True)
    for k in found[np.argsort(-size, kind="stable")]:
        rows = np.flatnonzero(code == k)
        if (np.bincount(y[rows]) >= 2 * FEWEST).sum() >= 2:
            return rows
    return np.empty(0, dtype=np.int64)


def _scores(
    x: np.ndarray,
    y: np.ndarray,
    permuted: list[np.ndarray],
    code: np.ndarray,
    within: np.ndarray,
    fold: np.ndarray,
) -> tuple[np.ndarray, list[float], np.ndarray, np.ndarray]:
    """Score one view (N, D) for classes, permuted classes, sources, and classes of one source."""
    wanted = [one_hot(values) for values in (y, *permuted, *([code] if len(code) else []))]
    ends = np.cumsum([part.shape[1] for part in wanted])
    # one fit for all of them: only the right-hand sides differ
    found = np.split(cross_fitted_ridge(x, np.concatenate(wanted, 1), fold), ends[:-1], axis=1)
    controls = [
        class_ranking(scores, values).value
        for scores, values in zip(found[1 : CONTROLS + 1], permuted, strict=True)
    ]
    source = found[-1] if len(code) else np.empty((len(y), 0))
    inside = np.empty((0, 0))
    if len(within):
        inside = cross_fitted_ridge(x[within], one_hot(y[within]), fold[within])
    return found[0], controls, source, inside
