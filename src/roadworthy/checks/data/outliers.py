import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.outlier_scores import OutlierScores, OutlierScoresValue
from roadworthy.checks.examples import MOST_ROWS, pictures_of, rows_of, values_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Dataset, Split
from roadworthy.core.estimates import benjamini_hochberg, conformal_p_values, count
from roadworthy.core.finding import Examples, Finding, Remedy, Verdict

LEVEL = 0.05  # expected share of false alarms among the rows that are called outliers
HOW = "conformal p-values; at most 5 % false by Benjamini-Hochberg"


@dataclass(frozen=True)
class Outliers(Check):
    """Are there rows unlike any training row?

    What it does: measures how far each test row, and each row from where the model is used, is from
    its fifth nearest neighbor in one half of the training split. How far rows of the other half are
    turns that into a p-value without any assumption on the distribution, and a correction for the
    number of rows keeps the expected share of false alarms among the rows listed at 5 %; on rows
    that are like the training rows, nothing is listed in 95 of 100 inspections.
    Why it matters: far from its training rows a model extrapolates, as sure of itself as ever.
    Texts are compared by the runs of three characters that they hold: other languages, markup and
    garbled text stand out, other topics hardly.
    When it does not apply: fewer than 20 training rows, or groups, to calibrate by. A few far rows
    among many cannot be told from chance: the finding says how many it takes. Odd rows that lie
    among the others, and images that differ in detail only, are not seen.
    How to fix: look at the rows; correct broken ones; collect training rows like those that are
    right; let the model abstain on rows that are far.
    References: Bates et al. 2023, arXiv:2104.08279; Ramaswamy, Rastogi and Shim 2000,
    doi:10.1145/342009.335437 (distance to the k-th neighbor).

    Args:
        max_share: largest share of rows that may be outliers.
    """

    max_share: float = limit(0.01, "below", "no standard sets one: some rows are always odd")

    card = Card("outliers", "Rows unlike any training row", paper="arxiv:2104.08279")
    code = "RW-DATA-010"
    area = "data"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return tuple(OutlierScores(split, subject.effort.judged) for split in _judged(subject))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        return tuple(
            self._judge_split(subject, name, get(OutlierScores(name, subject.effort.judged)))
            for name in _judged(subject)
        )

    def _judge_split(self, subject: Subject, name: str, value: OutlierScoresValue) -> Finding:
        calibration, scores = value.calibration.numpy(), value.scores.numpy()
        if (len(calibration) + 1) * LEVEL < 1:
            reason = (
                f"{len(calibration)} training rows, or groups, are left to calibrate by; "
                f"{math.ceil(1 / LEVEL) - 1} are needed"
            )
            claim = f"Outliers of the {name} split were not assessed; it is not a pass."
            return self.finding(claim, scope=name, verdict=Verdict.NOT_ASSESSED, reason=reason)
        adjusted = benjamini_hochberg(conformal_p_values(calibration, scores))
        outlying = np.flatnonzero(adjusted <= LEVEL)
        outlying = outlying[np.argsort(-scores[outlying], kind="stable")]
        least = math.ceil(len(scores) / (LEVEL * (len(calibration) + 1)))
        claim = (
            f"None of {len(scores)} {name} rows is unlike all training rows; fewer than {least} "
            "such rows could not be told from chance."
        )
        if len(outlying):
            claim = (
                f"{len(outlying)} of {len(scores)} {name} rows are unlike any training row; of "
                "such a list, one row in 20 is expected to be a false alarm."
            )
        return self.finding(
            claim,
            scope=name,
            estimate=count("outliers", len(outlying) / len(scores), len(scores), "share", HOW),
            threshold=self.threshold("max_share"),
            measures=(count("outliers that it takes to be seen", least, len(scores)),),
            examples=(_examples(subject.dataset, name, value, outlying),) if len(outlying) else (),
            remedies=(
                Remedy("Look at these rows, farthest first; correct those that are broken."),
                Remedy("Train on rows like them, or let the model abstain on such rows."),
            ),
        )


def _judged(subject: Subject) -> tuple[str, ...]:
    return ("test",) if subject.dataset.production is None else ("test", "production")


def _examples(
    data: Dataset, name: str, value: OutlierScoresValue, outlying: np.ndarray
) -> Examples:
    split: Split = data.split(name)
    shown = outlying[:MOST_ROWS]
    rows, usual = value.rows.numpy()[shown], float(value.calibration.median())
    far = value.scores.numpy()[shown] / usual if usual > 0 else np.full(len(shown), np.nan)
    details = tuple(
        (f"{times:.1f} times the usual distance" if usual > 0 else "far")
        + (f", most by {data.features[column].name!r}" if data.features else "")
        for times, column in zip(far, value.column.numpy()[shown], strict=True)
    )
    title = f"Rows of the {name} split that are unlike any training row"
    return Examples(
        title=title,
        rows=rows_of(split, rows),
        details=details,
        pictures=pictures_of(data, split, rows, details),
        table=values_of(data, split, rows, title),
        total=len(outlying),
    )
