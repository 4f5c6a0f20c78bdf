from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from roadworthy.core.audit import Audit, Issue
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import Measure, crossed_mean
from roadworthy.core.progress import Progress, Silent
from roadworthy.core.row_files import write_rows
from roadworthy.core.study import gain_in_words
from roadworthy.sources.answers import read_answers
from roadworthy.sources.without import read_unwanted
from roadworthy.workflows.changed_rows import Change, Judge, beside, by_group
from roadworthy.workflows.contenders import Contender, contender

TAKE, LEAVE = "take the proposed labels", "leave out suspected labels"
COPIES, LOWEST = "leave out duplicates", "leave out the least valuable rows"
RIVALS = (TAKE, LEAVE)  # two ways to treat the same rows: at most one is kept
FEWEST = 20  # test rows, or groups, that can judge


@dataclass(frozen=True)
class Tried:
    """A change that was tried, and what came of it.

    Args:
        change: of the training rows.
        gain: how much less is wrong with it, on the rows that tell; None if it was not trained.
        is_kept: whether the change is made.
        why: a reason, without a full stop.
    """

    change: Change
    gain: Measure | None
    is_kept: bool
    why: str


@dataclass(frozen=True)
class Relabelled:
    """Which changes of the training rows are kept; see `roadworthy.data.relabel`.

    Args:
        tried: each change that was proposed.
        change: all that are kept, as one.
        gain: of all that are kept; None where nothing is.
        rows: how many test rows, or groups, choose and how many tell.
    """

    tried: tuple[Tried, ...]
    change: Change
    gain: Measure | None
    rows: tuple[int, int]

    @property
    def sentence(self) -> str:
        """The answer: what is kept and what it gains."""
        if self.gain is None:
            return "Nothing is kept: of no change it is sure that it helps."
        return f"Kept: {self.change.name}: {gain_in_words(self.gain)}."

    def save(
        self, file: Path, *, corrections: Path | None = None, without: Path | None = None
    ) -> Path:
        """Write corrected labels as row,label, and beside it split,row of rows to leave out.

        Both are written even where they hold no row, so that none of an earlier run stays.

        Args:
            file: for the labels; the other one's name is given back.
            corrections: a file of labels that the data were read with; they are written too.
            without: a file of rows that were left out then; they are written too.
        """
        labels = {} if corrections is None else read_answers(corrections)
        rows = {} if without is None else read_unwanted(without)
        rows["train"] = rows.get("train", set()) | self.change.left_out
        rest = beside(file)
        write_rows(file, ("row", "label"), sorted((labels | self.change.corrected).items()))
        unwanted = [(name, row) for name, numbers in rows.items() for row in sorted(numbers)]
        write_rows(rest, ("split", "row"), unwanted)
        return rest


def relabel(
    data: Dataset,
    audit: Audit,
    recipe: str | Contender = "",
    *,
    lowest: float = 0.1,
    seeds: int = 5,
    passes: int | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> Relabelled:
    """Try what an audit proposes by training anew, and keep what surely helps.

    Each change is trained on with the same seeds as the rows as they are. One half of the test rows
    puts changes forward: those that gain there, and of two that treat the same rows the better. The
    other half judges them: a change is kept where the interval of its gain lies above 0. All these
    intervals hold together with a probability of 95 %. Test rows that repeat a training row do not
    judge, for leaving out what they repeat would seem to harm.

    Args:
        data: as it was audited.
        audit: what is proposed; lines that were deleted are not.
        recipe: what is trained, such as `cnn`; empty takes the usual recipe.
        lowest: share of the rows, those of the least value, that one of the changes leaves out.
        seeds: trainings of each change; at least 2.
        passes: rows through the network per training; None leaves that to the recipe.
        seed: the root of every random number.
        store: folder where finished trainings are kept; none are kept without.
        progress: where to say how far the work is.

    Raises:
        InputError: the audit is of other data, or there are too few test rows to judge.
    """
    if not 0 < lowest < 1:
        raise InputError(f"the share of rows to leave out lies between 0 and 1, not {lowest:g}")
    told = progress or Silent()
    chosen = recipe if isinstance(recipe, Contender) else contender(recipe, data)
    kept = None if store is None else Path(store)
    judge = Judge(data, chosen, seeds, passes, seed, kept, told)
    changes = changes_in(audit, lowest)
    faults = {change.name: _fault(data, change) for change in changes}
    able = [change for change in changes if not faults[change.name]]
    bench = _Halves(judge, judging(data, audit))
    told.plan(float(seeds * (len(able) + 1 if able else 0)))
    if able:
        bench.train(able)
    tried = {found.change.name: found for found in _judge(bench, able)}
    refused = [Tried(c, None, False, faults[c.name]) for c in changes if faults[c.name]]
    whole = tried | {found.change.name: found for found in refused}
    return _together(bench, tuple(whole[change.name] for change in changes))


def changes_in(audit: Audit, lowest: float) -> list[Change]:
    """List the changes that an audit proposes."""
    suspected = audit.of(Issue.LABEL)
    copies = audit.of(Issue.DUPLICATE, Issue.NEAR_DUPLICATE)
    values = sorted(audit.of(Issue.VALUE), key=lambda line: line.score)
    least = values[: round(lowest * len(values))]
    return [
        Change(TAKE, corrected={line.row: line.proposed for line in suspected}),
        Change(LEAVE, left_out=frozenset(line.row for line in suspected)),
        Change(COPIES, left_out=frozenset(line.row for line in copies)),
        Change(LOWEST, left_out=frozenset(line.row for line in least)),
    ]


def _fault(data: Dataset, change: Change) -> str:
    """Say why a change cannot be trained on; empty where it can."""
    if not len(change):
        return "the audit names no such row"
    rows = change.of(data).train
    if not data.classes:
        return "" if len(rows) >= 2 else "it would leave fewer than two rows"
    before, after = (
        part.y[part.is_labelled].bincount(minlength=len(data.classes))
        for part in (data.train, rows)
    )
    gone = ((before > 0) & (after == 0)).nonzero()[:, 0].tolist()
    return f"it would leave no row of class {data.classes[gone[0]]}" if gone else ""


def judging(data: Dataset, audit: Audit) -> np.ndarray:
    """Say which test rows (N,) repeat no training row, as far as the audit knows."""
    lines = audit.of(Issue.DUPLICATE, Issue.NEAR_DUPLICATE)
    named = {line.other for line in lines}
    is_named = torch.tensor([f"test:{row}" in named for row in data.test.ids.tolist()])
    # an audit names one test row of several that are equal
    _, same = torch.unique(data.test.x.flatten(1), dim=0, return_inverse=True)
    return ~torch.isin(same, same[is_named]).numpy()


class _Halves:
    """Trainings on changed rows, judged by two halves of the test rows."""

    def __init__(self, judge: Judge, is_judging: np.ndarray) -> None:
        self.judge = judge
        self.is_judging = is_judging
        self.gains: dict[str, np.ndarray] = {}  # (S, G) of each change
        units = by_group(judge.data, np.zeros((1, len(is_judging))), is_judging).shape[1]
        if units < FEWEST:
            raise InputError(
                f"{units} test rows, or groups, repeat no training row: it takes {FEWEST} to judge"
            )
        luck = np.random.default_rng(judge.seed).permutation(units)
        self.chooses = luck < units // 2

    def train(self, changes: Sequence[Change]) -> None:
        plain = self.judge.errors(self.judge.data)
        for change in changes:
            gain = plain - self.judge.errors(change.of(self.judge.data))
            self.gains[change.name] = by_group(self.judge.data, gain, self.is_judging)

    def chosen(self, change: Change) -> float:
        """Give the mean gain on the rows that choose."""
        return float(self.gains[change.name][:, self.chooses].mean())

    def told(self, change: Change, comparisons: int) -> Measure:
        """Estimate the gain on the rows that tell."""
        gains = self.gains[change.name][:, ~self.chooses]
        return crossed_mean("gain", gains, self.judge.by.unit, comparisons=max(1, comparisons))


def _judge(bench: _Halves, changes: Sequence[Change]) -> list[Tried]:
    best = max(
        (change for change in changes if change.name in RIVALS), key=bench.chosen, default=None
    )
    reasons = {}
    for change in changes:
        if bench.chosen(change) <= 0:
            reasons[change.name] = "it gains nothing on the rows that choose"
        elif best is not None and change.name in RIVALS and change is not best:
            reasons[change.name] = f"to {best.name} does better on the rows that choose"
    forward = len(changes) - len(reasons)
    tried = []
    for change in changes:
        gain = bench.told(change, forward)
        is_kept = change.name not in reasons and gain.low > 0
        surely = "it surely helps" if is_kept else "it does not surely help"
        tried.append(Tried(change, gain, is_kept, reasons.get(change.name, surely)))
    return tried


def _together(bench: _Halves, tried: tuple[Tried, ...]) -> Relabelled:
    """Make one change of those that are kept; if it does not surely help, of the best one alone."""
    kept = [found for found in tried if found.is_kept]
    told = int((~bench.chooses).sum())
    rows = (len(bench.chooses) - told, told)
    if not kept:
        return Relabelled(tried, Change("nothing"), None, rows)
    if len(kept) == 1:
        return Relabelled(tried, kept[0].change, kept[0].gain, rows)
    whole = kept[0].change
    for found in kept[1:]:
        whole |= found.change
    if not _fault(bench.judge.data, whole):
        bench.judge.progress.plan(float(bench.judge.seeds))
        bench.train([whole])
        gain = bench.told(whole, len(kept) + 1)
        if gain.low > 0:
            return Relabelled(tried, whole, gain, rows)
    best = max(kept, key=lambda found: bench.chosen(found.change))
    why = f"with others it does not surely help; to {best.change.name} is the best alone"
    final = tuple(
        replace(found, is_kept=False, why=why) if found in kept and found is not best else found
        for found in tried
    )
    return Relabelled(final, best.change, best.gain, rows)
