from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from roadworthy.artifacts.roles import clusters
from roadworthy.core.atomic import replacing
from roadworthy.core.dataset import Dataset
from roadworthy.core.energy import Work, metered
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import by_cluster
from roadworthy.core.fingerprint import code_fingerprint, fingerprint
from roadworthy.core.progress import Progress, Silent, piece
from roadworthy.core.study import Study
from roadworthy.core.yardstick import Yardstick
from roadworthy.training.plan import Machine
from roadworthy.workflows.contenders import Contender, contenders
from roadworthy.workflows.training import climb, errors, fit, label_order, yardstick

LABELS = (20, 50, 100, 300)
PASSES = 20_000  # rows through the network per training, unless told otherwise


@dataclass(frozen=True, eq=False)
class Trial:
    """One training of one contender.

    Args:
        errors: (N,) of the test rows, or (G,) of their groups.
        seconds: of processor time, with the choosing of labels; on a GPU, those that passed.
        joules: of energy; None where the machine does not count them, and on a GPU.
    """

    errors: np.ndarray
    seconds: float
    joules: float | None


def compare(
    data: Dataset,
    recipes: Sequence[str] | Sequence[Contender] = ("all",),
    *,
    labels: Sequence[int] = LABELS,
    seeds: int = 5,
    passes: int = PASSES,
    seed: int = 0,
    device: str = "cpu",
    store: str | Path | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Train several recipes on the same few labels, and say which is worth taking.

    Each seed draws the labelled rows and the first weights, the same for all; a larger number of
    labels holds the smaller ones. Every training passes as many rows through its network. No
    training sees a test row, and none is stopped or tuned by rows that it was not given. Rows of a
    group are drawn together; where a recipe learns an order, all are judged by that within groups.

    Args:
        data: its training split gives labels, and rows whose labels are hidden.
        recipes: names such as `fixmatch` or `mlp@margin`; `all` takes what suits the data. The
            plain recipe comes first, and is added where it lacks.
        labels: numbers of labels; those beyond what there is are left out.
        seeds: trainings per recipe and number of labels; at least 2.
        passes: rows through the network per training.
        seed: the root of every random number.
        device: where networks are trained: `cpu`, or as `Machine` takes it.
        store: folder where finished trainings are kept; none are kept without.
        fresh: ignore what it holds.
        progress: where to say how far the work is.

    Raises:
        InputError: a recipe is unknown, the plain one does not suit the data, there is nothing to
            compare, or an order is learned and no groups are named. Others that do not suit are
            left out, with the reason.
    """
    told = progress or Silent()
    entrants = [
        replace(each, recipe=each.recipe.prepared())
        for each in recipes
        if isinstance(each, Contender)
    ]
    if len(entrants) < len(recipes):
        entrants = contenders([str(recipe) for recipe in recipes], data)
    known = int(data.train.is_labelled.sum())
    rungs = tuple(sorted({n for n in labels if n <= known}))
    if not rungs or seeds < 2 or rungs[0] < max(2, len(data.classes)):
        raise InputError(
            f"a comparison takes 2 seeds or more and numbers of labels from the number of classes "
            f"to the {known} that there are; got {seeds} seeds and labels {tuple(labels)}"
        )
    by = yardstick(entrants, data)
    if by is Yardstick.ORDER and data.roles.group is None:
        raise InputError(
            "trainings that learn an order are compared by the order within groups: name the "
            "column that tells groups apart with --group"
        )
    kept = None if store is None else Path(store) / "trials"
    told.plan(float(len(entrants) * len(rungs) * seeds))

    def trained(each: Contender) -> list[tuple[Trial, ...]]:
        by_seed = [
            _trials(each, data, rungs, passes, seed + s, device, kept, told, by, fresh)
            for s in range(seeds)
        ]
        return list(zip(*by_seed, strict=True))

    plain, *others = entrants
    by_name, left_out = {plain.name: trained(plain)}, {}
    for each in others:
        try:
            by_name[each.name] = trained(each)
        except InputError as error:  # such as rows without a target, where there are none
            left_out[each.name] = str(error)
    trials = list(by_name.values())
    wrong = np.array([[[trial.errors for trial in row] for row in rows] for rows in trials])
    group = None if by is Yardstick.ORDER else clusters(data, data.test)
    wrong = by_cluster(wrong, group)
    chooses = np.random.default_rng(seed).permutation(wrong.shape[3]) < wrong.shape[3] // 2
    return Study(
        data.name,
        by,
        tuple(by_name),
        rungs,
        wrong[..., chooses],
        wrong[..., ~chooses],
        np.array([[np.mean([t.seconds for t in row]) for row in rows] for rows in trials]),
        np.array([[_mean_joules(row) for row in rows] for rows in trials]),
        known,
        passes,
        left_out,
        "rows" if data.roles.group is None else "groups",
    )


def _mean_joules(trials: Sequence[Trial]) -> float:
    return float(np.mean([np.nan if trial.joules is None else trial.joules for trial in trials]))


def _trials(
    each: Contender,
    data: Dataset,
    rungs: tuple[int, ...],
    passes: int,
    seed: int,
    device: str,
    kept: Path | None,
    progress: Progress,
    by: Yardstick,
    fresh: bool,
) -> list[Trial]:
    """Train a contender with each number of labels; a query climbs from one to the next."""
    if each.query is None:
        rest = (passes, seed, kept, progress, by)
        return [trial(each, data, n, *rest, device=device, fresh=fresh) for n in rungs]
    asked = (by, passes, seed, device)
    files = [_file(kept, each, data, *asked, rungs[: k + 1]) for k in range(len(rungs))]
    is_kept = not fresh and all(file is not None and file.is_file() for file in files)
    order, done, spent = label_order(data, by, seed), [], Work(joules=0.0)
    machine = Machine(device)
    steps = climb(each, data, order, rungs, passes=passes, seed=seed, machine=machine)  # lazily
    for n, file in zip(rungs, files, strict=True):
        with piece(progress, f"{each.name}, {n} labels", 1.0):
            if is_kept and file is not None:
                done.append(_read(file))
                continue
            with metered(device) as work:
                _, model = next(steps)
            spent = spent + work
            done.append(Trial(errors(model, data, by), spent.seconds, spent.joules))
            if file is not None:
                _write(done[-1], file)
            progress.advance(1.0)
    return done


def trial(
    each: Contender,
    data: Dataset,
    labels: int,
    passes: int | None,
    seed: int,
    kept: Path | None,
    progress: Progress,
    by: Yardstick,
    *,
    unit: Dataset | None = None,
    device: str = "cpu",
    fresh: bool = False,
) -> Trial:
    """Train a contender that asks nothing with some labels, or read what was kept.

    Args:
        each: what is trained.
        data: what it is trained on and judged by.
        labels: how many targets it is given.
        passes: rows through the network; None leaves that to the recipe.
        seed: of everything.
        kept: folder of finished trainings; None keeps none.
        progress: where to say how far the work is.
        by: what it is judged by.
        unit: in whose spreads of the training targets errors are told; by default those of `data`.
        device: where a network is trained.
        fresh: train it even where it was kept.
    """
    scale = unit or data
    file = _file(kept, each, data, scale.fingerprint, by, passes, seed, device, labels)
    with piece(progress, f"{each.name}, {labels} labels", 1.0):
        if file is not None and file.is_file() and not fresh:
            return _read(file)
        with metered(device) as work:
            given = label_order(data, by, seed)[:labels]
            model = fit(each.recipe, data, given, seed, passes=passes, machine=Machine(device))
        done = Trial(errors(model, data, by, unit), work.seconds, work.joules)
        if file is not None:
            _write(done, file)
        progress.advance(1.0)
    return done


def _file(kept: Path | None, each: Contender, data: Dataset, *asked: object) -> Path | None:
    """Name the file of a training by all that it depends on."""
    if kept is None:
        return None
    key = fingerprint(repr(each), data.fingerprint, *asked, code_fingerprint())
    return kept / f"{key[:32]}.json"


def _write(trial: Trial, file: Path) -> None:
    said = {"errors": trial.errors.tolist(), "seconds": trial.seconds, "joules": trial.joules}
    with replacing(file) as half:
        half.write_bytes(msgspec.json.encode(said))


def _read(file: Path) -> Trial:
    said = msgspec.json.decode(file.read_bytes())
    return Trial(np.array(said["errors"]), said["seconds"], said["joules"])
