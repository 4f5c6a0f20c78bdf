from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.artifacts.learner import errors_of, passes_per_row
from roadworthy.artifacts.roles import clusters, is_known
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress

MOST = 2000
MOST_ENVIRONMENTS = 5
FEWEST = 30  # rows of an environment, below which nothing could be said of it
FEWEST_OF_CLASS = 5


@dataclass(frozen=True, eq=False)
class LeftOutEnvironmentsValue:
    """How a model errs where it was trained, and where it was not.

    Args:
        rows: (R,) rows of the training split that were judged.
        environment: (R,) number of the row's environment in `names`.
        outside: (R,) error of a model trained on the other environments only.
        inside: (R,) error of one trained on as many rows, of the row's environment too.
        names: of the environments that were left out, the largest first.
        skipped: environments that could not be, each with the reason.
    """

    rows: Tensor
    environment: Tensor
    outside: Tensor
    inside: Tensor
    names: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LeftOutEnvironments(Artifact[LeftOutEnvironmentsValue]):
    """How the model does in an environment that it was not trained on.

    Each of the five largest environments is left out once, of at most 2000 training rows. The
    model, or a quick linear one where it cannot be trained again, is trained on the others and
    judged on the one left out. For comparison, it is trained on as many rows drawn from all
    environments and judged on that half of the environment that was kept out of them. Rows whose
    class no other environment has are not judged.
    """

    card = Card("left-out-environments", "Environments left out", cost="minutes")
    value = LeftOutEnvironmentsValue

    def cost(self, subject: Subject) -> float:
        rows = min(MOST, len(subject.dataset.train))
        return passes_per_row(subject) * 3 * MOST_ENVIRONMENTS * rows

    def compute(self, subject: Subject, get: Get, progress: Progress) -> LeftOutEnvironmentsValue:
        data, seed = subject.dataset, subject.seed_for(self)
        assert data.roles.environment is not None
        generator = np.random.default_rng(seed)
        values = data.train.columns[data.roles.environment]
        known = np.flatnonzero(is_known(values))
        picked = np.sort(generator.permutation(known)[:MOST])
        part = data.train.take(torch.from_numpy(picked))
        found, code, size = np.unique(
            values[picked].astype(str), return_inverse=True, return_counts=True
        )
        order = np.argsort(-size, kind="stable")[:MOST_ENVIRONMENTS]
        judged: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]] = []
        skipped = []
        for k, number in enumerate(order):
            try:
                judged.append((found[number], *_left_out(subject, part, code == number, seed)))
            except NotAssessed as reason:
                skipped.append((str(found[number]), str(reason)))
            progress.advance((k + 1) / len(order))
        if not judged:
            reasons = "; ".join(f"{name!r}: {reason}" for name, reason in skipped)
            raise NotAssessed(f"no environment can be left out: {reasons}")
        names, rows, outside, inside = zip(*judged, strict=True)
        return LeftOutEnvironmentsValue(
            torch.from_numpy(picked[np.concatenate(rows)]),
            torch.from_numpy(np.repeat(np.arange(len(names)), [len(own) for own in rows])),
            torch.from_numpy(np.concatenate(outside)),
            torch.from_numpy(np.concatenate(inside)),
            tuple(map(str, names)),
            tuple(skipped),
        )


def _left_out(
    subject: Subject, part: Split, is_own: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the rows that are judged, their errors from outside and from inside.

    Raises:
        NotAssessed: too few rows, or classes that only this environment has.
    """
    others, own = np.flatnonzero(~is_own), _judged_rows(subject, part, is_own)
    if min(len(own), len(others)) < FEWEST:
        raise NotAssessed(f"fewer than {FEWEST} rows whose class other environments have")
    if subject.dataset.task != Task.REGRESSION and len(part.y[others].unique()) < 2:
        raise NotAssessed("the other environments have a single class")
    left = part.take(torch.from_numpy(own))
    outside = errors_of(subject, part.take(torch.from_numpy(others)), left, seed)
    half = folds_of(left, clusters(subject.dataset, left), 2, seed).numpy()
    generator, inside = np.random.default_rng(seed), np.empty(len(own))
    for k in (0, 1):
        # as many rows as without this environment: more data must not pass for nearness
        pool = np.concatenate([others, own[half != k]])
        drawn = np.sort(generator.permutation(pool)[: len(others)])
        rows = part.take(torch.from_numpy(drawn))
        inside[half == k] = errors_of(subject, rows, left.take(torch.from_numpy(half == k)), seed)
    return own, outside, inside


def _judged_rows(subject: Subject, part: Split, is_own: np.ndarray) -> np.ndarray:
    if subject.dataset.task == Task.REGRESSION:
        return np.flatnonzero(is_own)
    y = part.y.numpy()
    elsewhere = np.bincount(y[~is_own], minlength=int(y.max()) + 1)
    return np.flatnonzero(is_own & (elsewhere[y] >= FEWEST_OF_CLASS))
