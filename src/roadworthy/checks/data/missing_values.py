from dataclasses import dataclass
from typing import Any

import torch

from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table

MOST_COLUMNS = 20


@dataclass(frozen=True)
class MissingValues(Check):
    """Are many values of a column missing?

    What it does: counts per column how many values, of all splits together, were missing in the
    source and filled in, or are still missing (NaN). Judges the column with the most. All rows are
    looked at, so the share has no interval.
    Why it matters: a filled-in value is a guess that the model takes for a measurement; and that it
    is missing may itself tell the answer, as with a test that is only ordered for the ill.
    When it does not apply: images. Values that the source marks in its own way, such as −99, are
    not recognized.
    How to fix: find out why values are missing; add a column that says so; drop columns that
    mostly are.
    References: Rubin 1976, doi:10.1093/biomet/63.3.581; Jakobsen et al. 2017,
    doi:10.1186/s12874-017-0442-1.

    Args:
        max_share: largest share of a column's values that may be missing.
    """

    max_share: float = limit(
        0.05, "below", "a rule of thumb: below 5 % it hardly matters how they are filled in"
    )

    card = Card("missing-values", "Values that are missing", paper="doi:10.1186/s12874-017-0442-1")
    code = "RW-DATA-004"
    area = "data"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if not subject.dataset.features:
            raise NotAssessed("it looks at the columns of a table; the inputs are images")
        return ()

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        x = torch.cat([split.x for split in data.splits])
        unfilled = x.isnan().sum(0).tolist()
        missing = [
            (feature.name, feature.missing + more)
            for feature, more in zip(data.features, unfilled, strict=True)
        ]
        missing.sort(key=lambda column: -column[1])
        name, most = missing[0]
        hit = [column for column in missing if column[1] > 0]
        cells = count("share of all values", sum(n for _, n in hit) / x.numel(), x.numel(), "share")
        claim = f"No value is missing in {len(missing)} columns of {len(x)} rows."
        if hit:
            claim = (
                f"Values are missing in {len(hit)} of {len(missing)} columns, most in {name!r}: "
                f"{most} of {len(x)} rows. They were filled in."
            )
        shown = hit[:MOST_COLUMNS]
        return (
            self.finding(
                claim,
                estimate=count(f"missing in {name!r}", most / len(x), len(x), "share"),
                threshold=self.threshold("max_share"),
                measures=(cells,),
                figures=(_figure(shown, len(x)),) if shown else (),
                tables=(Table("Missing values", ("column", "missing"), tuple(hit)),) if hit else (),
                remedies=(
                    Remedy(
                        "Find out why values are missing, let a column of its own say where, or "
                        "leave the column out."
                    ),
                ),
            ),
        )


def _figure(missing: list[tuple[str, int]], n: int) -> Figure:
    names = tuple(name for name, _ in missing)
    return Figure(
        kind="bar",
        title="Missing values by column",
        text=f"Share of missing values by column; the largest is {missing[0][1] / n:.1%} in "
        f"{missing[0][0]}.",
        x_label="column",
        y_label="share missing",
        y_range=(0.0, 1.0),
        series=(Series("missing", names, tuple(lost / n for _, lost in missing)),),
    )
