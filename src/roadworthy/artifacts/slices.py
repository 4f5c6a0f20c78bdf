from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.coarse_pixels import coarse
from roadworthy.artifacts.conditions import (
    Conditions,
    component_columns,
    conditions_on,
    image_columns,
    role_columns,
    table_columns,
    text_columns,
)
from roadworthy.artifacts.halves import halves
from roadworthy.artifacts.plain_inputs import plain
from roadworthy.artifacts.predictions import BATCH, Predictions, PredictionsValue
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.model import Offer
from roadworthy.core.progress import Progress

MOST_CONDITIONS = 400  # on one column; their pairs are counted in one product of matrices
COLUMNS = 50  # that are looked at together
SECOND = 1.0  # standard errors by which a second condition must improve the first
SURE = 4.0  # t of a second and third slice; the best of ten thousand reaches it hardly by chance
SHARE = 0.05  # of the rows that a slice holds at least
MOST_OF = 0.5  # of the rows that it holds at most: a larger one says where the model is good


@dataclass(frozen=True, eq=False)
class WeakSlicesValue:
    """Conditions under which the model errs more, and the rows that were kept from the search.

    Args:
        words: (S,) the conditions, the worst first, such as `age > 61 and sex = F`.
        rows: (R,) rows of the test split that the search did not see.
        member: (S, R) bool, which of them are in each slice; none is in two.
        tried: how many conditions and pairs of them were compared.
    """

    words: tuple[str, ...]
    rows: Tensor
    member: Tensor
    tried: int


@dataclass(frozen=True)
class WeakSlices(Artifact[WeakSlicesValue]):
    """Where the model errs more, as conditions on one or two columns, searched on half the rows.

    All conditions on a column (above or below a decile, a frequent value), and all pairs of them,
    are compared on one half of the test rows by the error inside against that outside, and the
    surest is taken; others are looked for among the rows that are left. Columns are the features,
    sensitive attributes and environment. For images they are brightness, contrast, detail and the
    five main components of the model's embeddings, or of the pixels where it offers none. For texts
    they are length, capitals, digits and the five main components of the words.

    Args:
        n: at most this many rows are searched, drawn at random.
        most: how many slices are looked for.
        least: a slice has at least so many of the searched rows, and 5 % of them; at most half.
    """

    n: int
    most: int
    least: int

    card = Card("weak-slices", "Where the model errs more")
    value = WeakSlicesValue

    def needs(self, subject: Subject) -> tuple[Artifact[PredictionsValue], ...]:
        return (Predictions("test"),)

    def cost(self, subject: Subject) -> float:
        return float(min(self.n, len(subject.dataset.test)))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> WeakSlicesValue:
        data, seed = subject.dataset, subject.seed_for(self)
        is_first = halves(len(data.test), clusters(data, data.test), seed)
        searched = np.random.default_rng(seed).permutation(np.flatnonzero(is_first))[: self.n]
        seen = np.isin(np.arange(len(is_first)), searched)
        error = errors_of(data, get(Predictions("test")))
        said = _conditions(_columns(subject, seen), error, seen)
        least = max(self.least, round(SHARE * len(searched)))
        found = weak_slices(error[seen], said.holds[:, seen], least, self.most)
        words, member = described(said, found)
        tried = len(said.words) * (len(said.words) + 1) // 2
        kept = np.flatnonzero(~is_first)
        member = torch.from_numpy(member[:, kept])
        return WeakSlicesValue(words, torch.from_numpy(kept), member, tried)


def errors_of(data: Dataset, predictions: PredictionsValue) -> np.ndarray:
    """Give each test row's error (N,): 1 for a wrong class, or the distance to the target."""
    y = data.test.y
    if data.task == Task.REGRESSION:
        return (predictions.outputs - y).abs().double().numpy()
    return (predictions.choice != y).double().numpy()


def weak_slices(
    error: np.ndarray, holds: np.ndarray, least: int, most: int
) -> list[tuple[int, int]]:
    """Find where the error is larger inside than outside, by Welch's t.

    Args:
        error: (N,) of each row.
        holds: (L, N) bool, of which rows each condition is true.
        least: rows inside; at most half are.
        most: how many slices are given at most.

    Returns:
        Numbers of the two conditions that make a slice, the surest first; twice the same for one.
    """
    found: list[tuple[int, int]] = []
    left = np.ones(len(error), dtype=bool)
    while len(holds) and len(found) < most:  # each is looked for outside of those before
        most_rows = int(MOST_OF * left.sum())
        t = _welch(error[left], holds[:, left], holds[:, left], least, most_rows)
        t[np.tril_indices(len(holds), -1)] = -np.inf
        t[np.triu_indices(len(holds), 1)] -= SECOND
        i, j = divmod(int(t.argmax()), len(holds))
        if t[i, j] <= (SURE if found else 0):
            break
        found.append((i, j))
        left &= ~(holds[i] & holds[j])
    return found


def described(said: Conditions, pairs: list[tuple[int, int]]) -> tuple[tuple[str, ...], np.ndarray]:
    """Put slices into words and say which rows are in them (S, N): those of none before."""
    names = [said.words[i] if i == j else f"{said.words[i]} and {said.words[j]}" for i, j in pairs]
    whole = np.array([said.holds[i] & said.holds[j] for i, j in pairs], dtype=bool)
    whole = whole.reshape(len(pairs), said.holds.shape[1])
    words = []
    for k, name in enumerate(names):
        others = [f"({names[m]})" for m in range(k) if (whole[k] & whole[m]).any()]
        words.append(f"{name}, but not {' or '.join(others)}" if others else name)
    return tuple(words), whole & ~(np.cumsum(whole, axis=0) - whole > 0)


def _welch(error: np.ndarray, a: np.ndarray, b: np.ndarray, least: int, most: int) -> np.ndarray:
    """Compare errors (N,) inside a and b (L, N), (M, N) with those outside: t (L, M)."""
    off = error - error.mean()
    weighted = np.stack([np.ones_like(off), off, off**2])[:, None] * a
    n, s, ss = weighted @ b.T.astype(float)
    total, n_out = np.square(off).sum(), len(off) - n
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, mean_out = s / n, -s / n_out
        spread = (ss / n - mean**2) / n + ((total - ss) / n_out - mean_out**2) / n_out
        t = (mean - mean_out) / np.sqrt(np.maximum(spread, 1e-12))
    return np.where((n >= least) & (n <= most), t, -np.inf)


def _conditions(columns: dict[str, np.ndarray], error: np.ndarray, seen: np.ndarray) -> Conditions:
    """Make the conditions on columns (N,) that say most about the error."""
    said = Conditions((), np.zeros((0, len(seen)), dtype=bool))
    names = list(columns)
    for first in range(0, len(names), COLUMNS):  # those of a wide table would not fit in memory
        some = conditions_on({name: columns[name] for name in names[first : first + COLUMNS]}, seen)
        holds = np.concatenate([said.holds, some.holds])
        said = _strongest(Conditions((*said.words, *some.words), holds), error, seen)
    return said


def _strongest(said: Conditions, error: np.ndarray, seen: np.ndarray) -> Conditions:
    """Keep the conditions that alone say most, and are not true of all rows or none."""
    holds = said.holds[:, seen].astype(float)
    t = _welch(error[seen], holds, np.ones((1, len(holds.T))), 1, len(holds.T) - 1)[:, 0]
    order = np.argsort(-np.abs(t), kind="stable")
    order = np.sort(order[np.isfinite(t[order])][:MOST_CONDITIONS])
    return Conditions(tuple(said.words[k] for k in order), said.holds[order])


def _columns(subject: Subject, seen: np.ndarray) -> dict[str, np.ndarray]:
    data, x = subject.dataset, subject.dataset.test.x
    if data.kind == "tabular":
        return role_columns(data) | table_columns(data)
    if data.kind == "text":
        words = component_columns(plain(x), seen, "the words")
        return role_columns(data) | text_columns(x) | words
    vectors, of = coarse(x), "the pixels"
    if Offer.EMBEDDINGS in subject.model.spec.offers:
        with torch.no_grad():
            parts = [subject.model.embed(part.to(subject.device)).cpu() for part in x.split(BATCH)]
        vectors, of = torch.cat(parts), "the model's embeddings"
    return role_columns(data) | image_columns(x) | component_columns(vectors, seen, of)
