from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.missingness_probe import MissingnessProbe, missing_values
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import bootstrap, count
from roadworthy.core.finding import Finding, Remedy, Table

MOST_COLUMNS = 20
FEWEST = 5  # rows that lack a value, for it to be compared with the others


@dataclass(frozen=True)
class Missingness(Check):
    """Does it tell the answer that values are missing?

    What it does: predicts the target from nothing but which values are missing, by a small decision
    tree on training rows it was not fitted on, and gives its skill: the share of the squared error
    of a guess that it avoids (R²; for classes of their shares, as in the Brier score). Beside it
    the same with shuffled targets, which is what chance gives. Then, column by column, how the
    target differs where the value is missing.
    Why it matters: a test that is only ordered for the ill says by its absence that somebody is
    healthy. A model learns that habit of the clinic, and is wrong where the habit is another; where
    missing values are filled in, groups of rows get a wrong value together.
    When it does not apply: images; tables without missing values pass. Values that the source marks
    in its own way, such as −99, are not recognized here; the check of ranges looks for them.
    How to fix: find out why values are missing; if the reason will not hold in use, collect them,
    or leave the column out.
    References: Rubin 1976, doi:10.1093/biomet/63.3.581; Groenwold 2020,
    doi:10.1186/s41512-020-00077-0 (informative missingness).

    Args:
        max_skill: largest share of a guess's squared error that missing values alone may avoid.
    """

    max_skill: float = limit(0.02, "below", "a small effect by Cohen 1988: R² of 0.02")

    card = Card(
        "missingness", "Missing values that tell the answer", paper="doi:10.1186/s41512-020-00077-0"
    )
    code = "RW-DATA-011"
    area = "data"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        if not data.features:
            raise NotAssessed("it looks at the columns of a table; the inputs are images")
        is_counted = any(feature.missing for feature in data.features)
        if is_counted and not any(missing_values(split).any() for split in data.splits):
            raise NotAssessed("the dataset does not say of which rows values were filled in")
        return (MissingnessProbe(),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, probe = subject.dataset, get(MissingnessProbe())
        gaps = missing_values(data.train).numpy()
        threshold = self.threshold("max_skill")
        if not gaps.any():
            claim = f"No value is missing in {len(data.train)} training rows."
            nothing = count("skill of missing values alone", 0.0, len(data.train), "share")
            return (self.finding(claim, estimate=nothing, threshold=threshold),)
        none, told = probe.none.numpy(), probe.told.numpy()
        if none.sum() == 0:
            raise NotAssessed("the target is the same in all training rows")
        estimate = bootstrap(
            "skill of missing values alone",
            lambda rows: float(1 - told[rows].sum() / none[rows].sum()),
            len(none),
            seed=subject.seed_for(self),
            clusters=clusters(data, data.train.take(probe.rows)),
            unit="share",
        )
        shuffled = probe.shuffled.numpy()
        chance = count(
            "the most with shuffled targets",
            shuffled.max(),
            len(none),
            "share",
            f"largest of {len(shuffled)} shuffles",
        )
        rows = _by_column(data, gaps)
        is_told = estimate.low > max(0.0, chance.value)
        claim = "Which values are missing tells nothing of the target that chance would not."
        if is_told:
            claim = (
                f"Which values are missing avoids {estimate.value:.1%} of the squared error of a "
                "guess of the target" + (f"; most by {rows[0][0]!r}." if rows else ".")
            )
        return (
            self.finding(
                claim,
                estimate=estimate,
                threshold=threshold,
                measures=(chance,),
                tables=(_table(data, rows),) if rows else (),
                remedies=(
                    Remedy(
                        "Find out why these values are missing, and whether they will be where the "
                        "model is used."
                    ),
                ),
            ),
        )


def _by_column(data: Dataset, gaps: np.ndarray) -> list[tuple[str | float | int, ...]]:
    """Compare the target where a column's value is missing with the rest, the clearest first."""
    y = data.train.y.numpy()
    is_number = data.task == Task.REGRESSION
    target = y[:, None].astype(float) if is_number else np.eye(len(data.classes))[y]
    size = gaps.sum(0)
    kept = np.flatnonzero((size >= FEWEST) & (len(y) - size >= FEWEST))
    without = gaps[:, kept].T.astype(float) @ target / size[kept, None]
    with_it = (~gaps[:, kept]).T.astype(float) @ target / (len(y) - size[kept, None])
    share = size[kept] / len(y)
    # variance between the two parts: what a guess that knows of this gap alone avoids
    between = (share * (1 - share))[:, None] * np.square(without - with_it)
    clearest = np.abs(without - with_it).argmax(1)
    order = np.argsort(-between.sum(1), kind="stable")[:MOST_COLUMNS]
    return [
        (
            data.features[kept[j]].name,
            int(size[kept[j]]),
            *(() if is_number else (data.classes[clearest[j]],)),
            float(without[j, clearest[j]]),
            float(with_it[j, clearest[j]]),
        )
        for j in order
    ]


def _table(data: Dataset, rows: list[tuple[str | float | int, ...]]) -> Table:
    is_number = data.task == Task.REGRESSION
    what = ("mean target",) if is_number else ("class", "its share")
    names = ("column", "missing", *what[:-1], f"{what[-1]} where missing", f"{what[-1]} elsewhere")
    return Table("The target where values are missing", names, tuple(rows))
