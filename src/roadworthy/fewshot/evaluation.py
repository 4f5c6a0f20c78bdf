from dataclasses import dataclass

import numpy as np
import torch

from roadworthy.core.dataset import Split
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import Measure, mean, paired_difference
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.progress import Progress, Silent
from roadworthy.core.threads import threads_for
from roadworthy.fewshot.episodes import EpisodeShape, EpisodeSource
from roadworthy.fewshot.learner import Adapter

TOGETHER = 8  # tasks that are answered side by side


@dataclass(frozen=True, eq=False)
class Scores:
    """How a learner did on tasks of classes that it had not seen.

    Args:
        accuracy: mean over tasks, with n = tasks. Its interval speaks of tasks drawn anew from
            these classes and these items; it does not know that other classes would differ.
        shares: (tasks,) share of each task's queries that were right.
        origin: what tells tasks apart: rows, shape and seed.
    """

    accuracy: Measure
    shares: np.ndarray
    origin: tuple[object, ...]


def evaluate(
    adapter: Adapter,
    novel: Split,
    shape: EpisodeShape | None = None,
    *,
    episodes: int = 600,
    seed: int = 0,
    progress: Progress | None = None,
) -> Scores:
    """Judge a trained learner on tasks drawn from classes that it has not seen.

    The same rows, shape and seed give every learner the same tasks, and a task does not depend on
    how many there are.

    Raises:
        InputError: a class was seen in training, or the rows do not suffice for such tasks.
    """
    check_apart(adapter.seen, novel)
    shape, progress = shape or EpisodeShape(), progress or Silent()
    source = EpisodeSource(novel, shape)
    shares = []
    with torch.no_grad(), threads_for(novel.x):
        for first in range(0, episodes, TOGETHER):
            tasks = source.draw(seed, first, min(TOGETHER, episodes - first))
            answers = adapter(tasks.support_x, tasks.support_y, tasks.query_x)
            shares.append((answers.argmax(2) == tasks.query_y).double().mean(1))
            progress.advance((first + len(tasks)) / episodes)
    found = torch.cat(shares).cpu().numpy()
    name = f"accuracy of {shape.ways} ways and {shape.shots} shots"
    accuracy = mean(name, found, seed=seed, unit="share")
    return Scores(accuracy, found, (fingerprint(novel.x, novel.y), shape, seed))


def compare(one: Scores, other: Scores) -> Measure:
    """Estimate by how much one learner's accuracy is above another's on the same tasks.

    Raises:
        InputError: they were not judged on the same tasks.
    """
    if one.origin != other.origin or len(one.shares) != len(other.shares):
        raise InputError(
            "the learners were not judged on the same tasks: take the same rows, shape, number of "
            "episodes and seed"
        )
    *_, seed = one.origin
    return paired_difference(
        "difference in accuracy", one.shares, other.shares, seed=seed, unit="share"
    )


def check_apart(seen: frozenset[int], novel: Split) -> None:
    """Say that classes were seen in training.

    Raises:
        InputError: some were.
    """
    both = sorted(seen & set(novel.y.unique().tolist()))
    if both:
        some = ", ".join(map(str, both[:5])) + (", …" if len(both) > 5 else "")
        raise InputError(
            f"{len(both)} classes of {novel.name} were learned from ({some}): tasks must be of "
            "classes that the learner has not seen"
        )
