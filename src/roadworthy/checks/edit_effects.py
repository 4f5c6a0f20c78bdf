"""What an edit does to a model's answers, in units of how much they differ anyway."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.nuisance_edits import UNCHANGED, EditedOutputs, EditedOutputsValue
from roadworthy.artifacts.roles import clusters
from roadworthy.core import estimates
from roadworthy.core.artifact import Get, Subject
from roadworthy.core.check import Check
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, positive_mean
from roadworthy.core.finding import Finding, Table, Verdict

NEUTRAL = 4  # repetitions of a neutral change
RESAMPLES = 2000  # enough for the tails of intervals that hold together
COLUMNS = (
    *("edit", "rows", "mean", "low", "high", "absolute", "floor"),
    *("above floor", "low", "high", "flipped", "low", "high", "p corrected"),
)


@dataclass(frozen=True)
class Edit:
    """An edit, and the neutral changes that make its floor.

    Args:
        name: what was changed.
        request: the outputs after it.
        neutral: the outputs after changes of the same kind that change nothing.
    """

    name: str
    request: EditedOutputs
    neutral: tuple[EditedOutputs, ...]


@dataclass(frozen=True, eq=False)
class EditEffects:
    """How far an edit moves the score of each row, and how far a neutral change does.

    The score is the probability of the class chosen for the original (of two classes: of the last
    one), or the number of a regression; its unit is its standard deviation over the rows.

    Args:
        name: of the edit.
        rows: (R,) rows of the test split that could be edited.
        change: (R,) score after the edit, less the one before.
        neutral: (R, K) the same for each of several neutral changes.
        flipped: (R,) 1 where the answer is another one, else 0; None for regression.
        groups: (R,) numbers of rows that belong together, or None.
        comparisons: edits whose intervals hold together.
        seed: of the bootstrap.
    """

    name: str
    rows: Tensor
    change: np.ndarray
    neutral: np.ndarray
    flipped: np.ndarray | None
    groups: np.ndarray | None
    comparisons: int
    seed: int

    @property
    def above(self) -> np.ndarray:
        """(R,) how much farther the edit moves the score than neutral changes do on average."""
        return np.asarray(np.abs(self.change) - np.abs(self.neutral).mean(1))

    @property
    def p_value(self) -> float:
        """Chance of such a mean above the floor if there were nothing above it."""
        return positive_mean(self.above, self.groups)

    def take(self, picked: np.ndarray) -> "EditEffects":
        """Keep some rows, by mask."""
        return replace(
            self,
            rows=self.rows[torch.from_numpy(picked)],
            change=self.change[picked],
            neutral=self.neutral[picked],
            flipped=None if self.flipped is None else self.flipped[picked],
            groups=None if self.groups is None else self.groups[picked],
        )

    @cached_property
    def above_floor(self) -> Measure:
        """Estimate the mean absolute change above the floor."""
        return self.mean(f"{self.name}: mean change above the floor", self.above, self.comparisons)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """Estimate mean, mean absolute change, floor and flipped answers, each by itself."""
        shown = {
            "mean change": self.change,
            "mean absolute change": np.abs(self.change),
            "mean absolute change by neutral changes (floor)": np.abs(self.neutral).mean(1),
        }
        found = [self.mean(f"{self.name}: {what}", each) for what, each in shown.items()]
        if self.flipped is not None:
            found.append(self.mean(f"{self.name}: answers that flip", self.flipped, unit="share"))
        return tuple(found)

    def farthest(self, most: int) -> np.ndarray:
        """Give the places of the rows whose score moves farthest, at most so many."""
        order: np.ndarray = np.argsort(-np.abs(self.change), kind="stable")[:most]
        return order

    def in_words(self, places: np.ndarray) -> tuple[str, ...]:
        """Say of rows how far their score moves."""
        return tuple(f"the score moves by {self.change[k]:+.2f} deviations" for k in places)

    def mean(
        self, name: str, values: np.ndarray, comparisons: int = 1, unit: str = "deviations"
    ) -> Measure:
        """Estimate the mean of values (R,) over rows."""
        return estimates.mean(
            name,
            values,
            seed=self.seed,
            clusters=self.groups,
            resamples=RESAMPLES,
            unit=unit,
            comparisons=comparisons,
        )


def compared_rows(subject: Subject) -> int:
    """Say how many test rows are edited at most; of texts more, as many have nothing to edit."""
    effort = subject.effort
    return effort.judged if subject.dataset.kind == "text" else effort.attacked


def unchanged(subject: Subject) -> EditedOutputs:
    """Ask for the outputs on the rows as they are."""
    return EditedOutputs(UNCHANGED, compared_rows(subject))


def effects_of(
    subject: Subject, get: Get, edit: Edit, *, comparisons: int, seed: int
) -> EditEffects:
    """Compare the outputs after an edit, and after neutral changes, with those before.

    Raises:
        NotAssessed: the score is the same for all rows, or too few rows could be edited.
    """
    answer, edited = get(unchanged(subject)).outputs, get(edit.request)
    before, unit, kept = score(answer, answer), spread(answer), edited.is_edited
    if int(kept.sum()) < 2:
        raise NotAssessed(f"{edit.name}: fewer than two of {len(kept)} rows could be edited")

    def change(after: EditedOutputsValue) -> np.ndarray:
        return ((score(answer, after.outputs) - before)[kept] / unit).numpy()

    is_other = None
    if answer.ndim == 2:
        is_other = (edited.outputs.argmax(1) != answer.argmax(1))[kept].double().numpy()
    rows, groups = edited.rows[kept], clusters(subject.dataset, subject.dataset.test)
    return EditEffects(
        edit.name,
        rows,
        change(edited),
        np.stack([change(get(request)) for request in edit.neutral], 1),
        is_other,
        None if groups is None else groups[rows.numpy()],
        comparisons,
        seed,
    )


def score(original: Tensor, outputs: Tensor) -> Tensor:
    """Give the probability (R,) of the class chosen for the original, or of the last of two."""
    if outputs.ndim == 1:
        return outputs.double()
    probabilities = outputs.double().softmax(1)
    return probabilities.gather(1, _judged_class(original)[:, None])[:, 0]


def spread(original: Tensor) -> float:
    """Give the standard deviation of the score over rows, pooled over the classes it is of.

    Raises:
        NotAssessed: the model says the same of all rows.
    """
    if original.ndim == 1:
        unit = float(original.double().std())
    else:
        variance = original.double().softmax(1).var(0)
        unit = float(variance[_judged_class(original)].mean().sqrt())
    if not unit > 0:
        raise NotAssessed("the model says the same of all rows")
    return unit


def _judged_class(original: Tensor) -> Tensor:
    """Give the class (R,) whose probability is the score."""
    choice = original.argmax(1)
    return torch.ones_like(choice) if original.shape[1] == 2 else choice


def judge_above_floor(
    check: Check, claim: str, estimate: Measure, floor: Measure, neutral: str, **parts: Any
) -> Finding:
    """Judge an effect by `max_effect`, unless what changes nothing moves the score as far."""
    threshold = check.threshold("max_effect")
    if floor.value > threshold.limit and estimate.low <= threshold.limit:
        reason = (
            f"{neutral} moves the score by {floor.value:.2f} of its deviations, beyond the limit "
            f"of {threshold.limit:g}: smaller effects cannot be told from it"
        )
        return check.finding(claim, verdict=Verdict.NOT_ASSESSED, reason=reason, **parts)
    return check.finding(claim, estimate=estimate, threshold=threshold, **parts)


def effects_table(title: str, found: Sequence[EditEffects], p_values: Sequence[float]) -> Table:
    """Tabulate effects with intervals; those above the floor hold together."""
    return Table(title, COLUMNS, tuple(map(_line, found, p_values)))


def _line(effects: EditEffects, p_value: float) -> tuple[str | float | None, ...]:
    mean, absolute, floor, *flipped = effects.measures
    above = effects.above_floor
    flips: tuple[float | None, ...] = (None, None, None)
    if flipped:
        flips = flipped[0].value, flipped[0].low, flipped[0].high
    return (
        effects.name,
        len(effects.rows),
        *(mean.value, mean.low, mean.high, absolute.value, floor.value),
        *(above.value, above.low, above.high),
        *flips,
        p_value,
    )
