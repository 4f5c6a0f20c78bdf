from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.coordinates import coordinates
from roadworthy.artifacts.data_values import DataValues
from roadworthy.artifacts.training_dynamics import TrainingDynamics
from roadworthy.core.artifact import Artifact, Bench, Store, V
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import ArtifactError, InputError, NotAssessed
from roadworthy.core.estimates import Measure, crossed_mean
from roadworthy.core.model import Model, Offer
from roadworthy.core.progress import Progress, Silent
from roadworthy.core.query import Pool, Query, embedded, highest
from roadworthy.core.row_files import write_rows
from roadworthy.core.study import crossed_score
from roadworthy.core.yardstick import Yardstick
from roadworthy.queries import CoreSet, TypiClust
from roadworthy.sources import baseline_for, load_model
from roadworthy.workflows.changed_rows import Judge, beside, by_group, with_train
from roadworthy.workflows.contenders import Contender, contender
from roadworthy.workflows.inspection import make_subject
from roadworthy.workflows.training import label_order


@dataclass(frozen=True)
class Selection:
    """Training rows that were picked, and what a training on them comes to.

    Args:
        by: how they were picked.
        picked: their numbers in the source, best first where that means something.
        rest: the numbers of the others.
        score: accuracy, or mean distance from the target, of a training on them.
        gain: how much less is wrong than with as many random rows; None for random rows.
    """

    by: str
    picked: tuple[int, ...]
    rest: tuple[int, ...]
    score: Measure
    gain: Measure | None

    def save(self, file: Path) -> Path:
        """Write split,row of the picked rows, and beside it of the others, to leave out."""
        rest = beside(file)
        write_rows(file, ("split", "row"), [("train", row) for row in self.picked])
        write_rows(rest, ("split", "row"), [("train", row) for row in self.rest])
        return rest


def select(
    data: Dataset,
    rows: int,
    by: str = "coreset",
    model: str | Model = "",
    recipe: str | Contender = "",
    *,
    seeds: int = 5,
    passes: int | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> Selection:
    """Pick some of the training rows, and say what a training on them comes to.

    It is compared with trainings on as many random rows, other ones with each seed, of each class
    its share; by the same test rows and with the same seeds.

    Args:
        data: its training rows are picked from.
        rows: how many.
        by: `coreset` (no row is far from a picked one) or `typiclust` (the most typical rows), both
            by the model's embeddings where it has any; `value` (what rows are worth to others);
            `ambiguous` (what the model changes its mind about); `random`.
        model: embeds rows, or is trained again; by default the usual recipe.
        recipe: what is trained on the picked rows, such as `cnn`; empty takes the usual recipe.
        seeds: trainings on picked and on random rows; at least 2.
        passes: rows through the network per training; None leaves that to the recipe.
        seed: the root of every random number.
        store: folder where finished work is kept; none is kept without.
        progress: where to say how far the work is.

    Raises:
        InputError: there is no such way, it does not suit the data, or there are fewer rows.
    """
    told = progress or Silent()
    known = int(data.train.is_labelled.sum())
    if by not in WAYS:
        raise InputError(f"rows are picked by {', '.join(WAYS)}, not {by!r}")
    if not 2 <= rows < known:
        raise InputError(f"{rows} of {known} rows cannot be picked: it takes 2 to {known - 1}")
    chosen = recipe if isinstance(recipe, Contender) else contender(recipe, data)
    kept = None if store is None else Path(store)
    judge = Judge(data, chosen, seeds, passes, seed, kept, told)
    named = model or baseline_for(data.name)
    loaded = (
        named
        if isinstance(named, Model)
        else load_model(named, data, seed=seed, store=kept, progress=told)
    )
    subject = make_subject(loaded, data, seed=seed, device="cpu")
    bench = Bench(subject, Store(None if kept is None else kept / "artifacts"), told)
    told.plan(float(seeds * (1 if by == "random" else 2)))
    try:
        picked = WAYS[by](bench, rows)
    except (NotAssessed, ArtifactError) as reason:
        raise InputError(f"rows cannot be picked by {by}: {reason}") from None
    return _judged(judge, by, picked)


def _judged(judge: Judge, by: str, picked: Tensor) -> Selection:
    train = judge.data.train
    is_picked = torch.zeros(len(train), dtype=torch.bool)
    is_picked[picked] = True
    own = judge.errors(with_train(judge.data, train.take(is_picked)))
    gain = None
    if by != "random":
        others = [_random(judge.data, len(picked), judge.seed + k) for k in range(judge.seeds)]
        theirs = np.stack(
            [
                judge.errors_of(with_train(judge.data, train.take(rows.sort().values)), k)
                for k, rows in enumerate(others)
            ]
        )
        gain = crossed_mean("gain", by_group(judge.data, theirs - own), judge.by.unit)
    score = crossed_score(by_group(judge.data, own), judge.by)
    ids = train.ids
    return Selection(by, tuple(ids[picked].tolist()), tuple(ids[~is_picked].tolist()), score, gain)


def _random(data: Dataset, n: int, seed: int) -> Tensor:
    return label_order(data, Yardstick.of(data.task), seed)[:n]


def _by_chance(bench: Bench, n: int) -> Tensor:
    return _random(bench.subject.dataset, n, bench.subject.seed)


def _by_value(bench: Bench, n: int) -> Tensor:
    return highest(_get(bench, DataValues(bench.subject.effort.judged)).values, n)


def _by_doubt(bench: Bench, n: int) -> Tensor:
    dynamics = _get(bench, TrainingDynamics())
    if n > len(dynamics.rows):
        raise NotAssessed(f"only {len(dynamics.rows)} rows were looked at")
    return dynamics.rows[highest(dynamics.variability, n)]


def _by_query(query: Query) -> Callable[[Bench, int], Tensor]:
    def pick(bench: Bench, n: int) -> Tensor:
        data, model = bench.subject.dataset, bench.subject.model
        known = data.train.is_labelled.nonzero()[:, 0]
        x = data.train.x[known]
        has_own = Offer.EMBEDDINGS in model.spec.offers
        points = embedded(model, x) if has_own else coordinates(data, x)[0][0]
        pool = Pool(points, points[:0], data.train.y[:0], len(data.classes))
        return known[query.pick(pool, n, bench.subject.seed)]

    return pick


def _get(bench: Bench, request: Artifact[V]) -> V:
    return bench.get_for((request,))(request)


# how rows are picked: places (n,) in the training split
WAYS: dict[str, Callable[[Bench, int], Tensor]] = {
    "coreset": _by_query(CoreSet()),
    "random": _by_chance,
    "value": _by_value,
    "ambiguous": _by_doubt,
    "typiclust": _by_query(TypiClust()),
}
