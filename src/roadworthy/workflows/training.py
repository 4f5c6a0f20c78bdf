from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.predictions import PredictionsValue, outputs_on
from roadworthy.artifacts.roles import clusters
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import Measure, bootstrap, mean, share_of_rows
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress, Silent, piece
from roadworthy.core.query import pool_of
from roadworthy.core.ranking_measures import kendall_tau
from roadworthy.core.training import Recipe
from roadworthy.core.yardstick import Yardstick
from roadworthy.training.plan import Machine
from roadworthy.training.trained import Defended, NetworkRecipe, fit_network, will_learn_order
from roadworthy.workflows.contenders import Contender, contender

MEMBERS = 4  # of a committee, trained with seeds of their own; the first one embeds
FIRST = 20  # rows that a query starts with
FEWEST = 4  # groups of test rows: two to choose by, two to tell
DRAWS = 200  # of test rows, for an order of all of them


@dataclass(frozen=True, eq=False)
class Training:
    """A model that was trained, and how well it does on rows that it has not seen.

    Args:
        model: the model.
        labels: how many rows with a target it learned from.
        score: on the test split; accuracy, the mean distance from the target, or how well the order
            is met by a model that gives nothing else.
    """

    model: Model
    labels: int
    score: Measure


def train(
    data: Dataset,
    recipe: str | Contender = "",
    *,
    labels: int | None = None,
    passes: int | None = None,
    seed: int = 0,
    machine: Machine | None = None,
    progress: Progress | None = None,
) -> Training:
    """Train a model on the training split, and score it on the test split.

    Args:
        data: rows without a target serve strategies that learn from such rows.
        recipe: such as `cnn`, `fixmatch` or `mlp+scarf`; empty takes the usual recipe.
        labels: how many targets may be used; None uses all.
        passes: rows that may pass the network in all; None leaves that to the recipe.
        seed: of which rows are labelled, and of the training.
        machine: where it runs; with a folder, a training that was stopped goes on.
        progress: where to say how far the work is.

    Raises:
        InputError: there is no such recipe, or it does not suit the data.
    """
    told = progress or Silent()
    chosen = recipe if isinstance(recipe, Contender) else contender(recipe, data)
    by = yardstick([chosen], data)
    order = label_order(data, by, seed)
    n = len(order) if labels is None else labels
    if not 2 <= n <= len(order):
        raise InputError(f"there are {len(order)} rows with a target: {n} cannot be used")
    where = {"passes": passes, "machine": machine, "progress": told}
    with piece(told, f"Training {chosen.name}", 0.0):
        if chosen.query is None:
            model = fit(chosen.recipe, data, order[:n], seed, **where)
        else:
            rungs = doubling(min(FIRST, n), n)
            *_, (_, model) = climb(chosen, data, order, rungs, seed=seed, **where)
    return Training(model, n, score_of(model, data, by, seed))


def yardstick(chosen: Sequence[Contender], data: Dataset) -> Yardstick:
    """Say what trainings are judged by: by order, where one of them learns that.

    Of ordered classes it learns the classes, too, which judge where no groups are named.

    Raises:
        InputError: too few groups of test rows have an order.
    """
    group, y = clusters(data, data.test), data.test.y.numpy()
    if not any(will_learn_order(each.recipe) for each in chosen):
        return Yardstick.of(data.task)
    if group is None:
        return Yardstick.ORDER if data.task == Task.REGRESSION else Yardstick.of(data.task)
    able = int(np.isfinite(kendall_tau(group, y, y)).sum())
    if able < FEWEST:
        raise InputError(
            f"an order is judged within groups, and {able} groups of the test split have rows of "
            f"different targets: it takes {FEWEST}; --split by-group keeps groups whole"
        )
    return Yardstick.ORDER


def score_of(model: Model, data: Dataset, by: Yardstick, seed: int) -> Measure:
    """Estimate how good a model is on the test split."""
    together = clusters(data, data.test)
    if by is Yardstick.ORDER and together is None:
        return _order_of_all(data.test.y.numpy(), scores_on(model, data), seed)
    wrong = errors(model, data, by)
    if by is Yardstick.ORDER:
        return mean(by.value, 1 - wrong, seed=seed, unit=by.unit)
    if by is Yardstick.ACCURACY:
        return share_of_rows(by.value, wrong == 0, together)
    unit = "" if data.task == Task.ORDINAL else "spreads of the target"
    return mean(by.value, wrong, seed=seed, clusters=together, unit=unit)


def _order_of_all(targets: np.ndarray, scores: np.ndarray, seed: int) -> Measure:
    def tau(rows: np.ndarray) -> float:
        found = kendall_tau(np.zeros(len(rows)), targets[rows], scores[rows])
        return float(np.nan_to_num(found)[0])

    unit = Yardstick.ORDER.unit
    return bootstrap("Kendall's tau-b", tau, len(targets), seed=seed, unit=unit, resamples=DRAWS)


def label_order(data: Dataset, by: Yardstick, seed: int) -> Tensor:
    """Give the training rows with a target in a random order of which beginnings are labelled.

    Of each class a beginning has about its share, so that small ones lack none; where an order is
    learned, groups come one after the other; (L,) places.
    """
    rows, known = data.train, data.train.is_labelled.nonzero()[:, 0]
    generator = torch.Generator().manual_seed(seed)
    shuffled = known[torch.randperm(len(known), generator=generator)]
    group = clusters(data, rows) if by is Yardstick.ORDER else None
    if group is not None:
        return _together(shuffled, group)
    if data.task == Task.REGRESSION:
        return shuffled
    y = rows.y[shuffled].numpy()
    by_class = np.argsort(y, kind="stable")
    _, sizes = np.unique(y, return_counts=True)
    rank = np.arange(len(y)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = (rank + 0.5) / np.repeat(sizes, sizes)
    return shuffled[torch.from_numpy(by_class[np.argsort(place, kind="stable")])]


def _together(rows: Tensor, group: np.ndarray) -> Tensor:
    """Let rows (L,) of one of the groups (N,) follow each other, groups as their first rows do."""
    _, first, member = np.unique(group[rows], return_index=True, return_inverse=True)
    return rows[np.argsort(first[member], kind="stable")]


def with_labels(rows: Split, given: Tensor) -> Split:
    """Give the rows with the targets of those `given` (L,) only; of the others they are unknown."""
    unknown = torch.full_like(rows.y, float("nan") if rows.y.is_floating_point() else -1)
    unknown[given] = rows.y[given]
    return replace(rows, y=unknown)


def fit(
    recipe: Recipe,
    data: Dataset,
    given: Tensor,
    seed: int,
    *,
    passes: int | None = None,
    machine: Machine | None = None,
    progress: Progress | None = None,
) -> Model:
    """Train on the targets of some training rows (L,); of the others a network sees the inputs.

    Raises:
        InputError: the recipe does not suit the data.
    """
    told = progress or Silent()
    rows = with_labels(data.train, given)
    if not isinstance(recipe, (NetworkRecipe, Defended)):
        return recipe.fit(data, rows.take(rows.is_labelled), seed, told)
    return fit_network(recipe, data, rows, seed, told, machine, passes)


def errors(model: Model, data: Dataset, by: Yardstick, unit: Dataset | None = None) -> np.ndarray:
    """Give the error (N,) of each test row.

    Of classes 1 for a wrong one; of ordered classes how many classes it is off; of numbers how far
    it is off, in spreads of the training targets of `unit`, by default those of `data`. Of an order
    1 minus Kendall's tau-b of each group (G,) that has one.
    """
    rows = data.test
    if by is Yardstick.ORDER:
        group = clusters(data, rows)
        assert group is not None
        taus = kendall_tau(group, rows.y.numpy(), scores_on(model, data))
        return 1 - taus[np.isfinite(taus)]
    outputs = outputs_on(model, rows.x, "cpu")
    if data.task == Task.REGRESSION:
        train = (unit or data).train
        known = train.y[train.is_labelled].double()
        return ((outputs.double() - rows.y).abs() / known.std()).numpy()
    apart = (outputs.argmax(1) - rows.y).abs().double()
    return (apart if data.task == Task.ORDINAL else apart.clamp_max(1)).numpy()


def scores_on(model: Model, data: Dataset) -> np.ndarray:
    """Give what puts the test rows in order (N,)."""
    return PredictionsValue(outputs_on(model, data.test.x, "cpu")).scores.numpy()


def climb(
    chosen: Contender,
    data: Dataset,
    order: Tensor,
    rungs: Sequence[int],
    *,
    passes: int | None,
    seed: int,
    machine: Machine | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[Tensor, Model]]:
    """Let a query choose the rows whose targets are used; give them and what learned from them.

    The first rows are those that every other training gets; then batches are asked for, each by the
    model that learned from those before.

    Args:
        chosen: its query asks, its recipe trains.
        data: its training split is chosen from.
        order: (L,) the rows with a target, in the order that other trainings take them.
        rungs: how many rows are labelled when a model is trained anew, rising.
        passes: rows that may pass the network in each training.
        seed: of everything.
        machine: where they run, and where the last one is kept. With several devices only the last
            one runs there, and the others on the CPU.
        progress: where the last training says how far it is.
    """
    assert chosen.query is not None
    # what several processes ask for must be the same, and sums on a GPU can differ
    alone = None if machine is None or machine.devices > 1 else replace(machine, folder=None)
    given, rest = order[: rungs[0]], order[rungs[0] :]
    for more in rungs[1:]:
        count = MEMBERS if "members" in chosen.query.needs else 1
        models = [
            fit(chosen.recipe, data, given, seed + k, passes=passes, machine=alone)
            for k in range(count)
        ]
        yield given, models[0]
        known, unknown = data.train.take(given), data.train.x[rest]
        pool = pool_of(data, unknown, known, models[0], models if count > 1 else ())
        picked = chosen.query.pick(pool, more - len(given), seed)
        given = torch.cat([given, rest[picked]])
        is_left = torch.ones(len(rest), dtype=torch.bool)
        is_left[picked] = False
        rest = rest[is_left]
    last = fit(chosen.recipe, data, given, seed, passes=passes, machine=machine, progress=progress)
    yield given, last


def doubling(first: int, last: int) -> tuple[int, ...]:
    """Give numbers that double from the first to the last."""
    ladder = [first]
    while ladder[-1] < last:
        ladder.append(min(2 * ladder[-1], last))
    return tuple(ladder)
