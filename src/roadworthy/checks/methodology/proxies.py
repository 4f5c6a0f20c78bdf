from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.attribute_proxies import (
    TOGETHER,
    AttributeProxies,
    AttributeProxiesValue,
)
from roadworthy.artifacts.roles import clusters, sensitive_columns
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, largest, ranked
from roadworthy.core.finding import (
    SEVERITY,
    Figure,
    Finding,
    Remedy,
    Series,
    Table,
    Verdict,
    compare,
)

MOST_COLUMNS = 15


@dataclass(frozen=True)
class Proxies(Check):
    """Do other columns stand in for a sensitive attribute?

    What it does: lets each column alone, and all inputs together, rank the groups of each sensitive
    attribute (numbers of many values: their quartiles) on rows that were not fitted on, and gives
    the AUC, averaged over groups. Judges the best column, with intervals by group of rows where one
    is named, widened for the number of columns; of images, which have none, the whole image. It
    warns at most: a proxy is no fault by itself.
    Why it matters: a model that is not shown sex or race can still act on it through a column that
    tells it, and to leave the attribute out of the inputs then changes nothing. Boston's housing
    data hold a column made from the share of black residents.
    When it does not apply: no sensitive column is named. The name of a column is not looked at: one
    made from an attribute that is not in the data is not recognized.
    How to fix: ask whether the column has a reason of its own to be there; compare errors and
    decisions by group (RW-BIAS-001); drop it, and see what the model loses.
    References: Barocas and Selbst 2016, doi:10.15779/Z38BG31; Feldman et al. 2015,
    doi:10.1145/2783258.2783311.

    Args:
        max_auc: largest AUC by which a column may rank the groups of an attribute.
    """

    max_auc: float = limit(
        0.71, "below", "a large effect by Cohen 1988 (d = 0.8), that of groups 0.8 spreads apart"
    )

    card = Card(
        "proxies",
        "Columns that tell the attribute",
        aliases=("proxy-features",),
        paper="doi:10.1145/2783258.2783311",
    )
    code = "RW-LEAK-011"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return tuple(AttributeProxies(name) for name in sensitive_columns(subject.dataset))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        findings = []
        for name in subject.dataset.roles.sensitive:
            try:
                findings.append(self._judge_attribute(subject, name, get(AttributeProxies(name))))
            except NotAssessed as reason:
                findings.append(not_assessed(self, str(reason), name))
        return tuple(findings)

    def _judge_attribute(
        self, subject: Subject, attribute: str, value: AttributeProxiesValue
    ) -> Finding:
        groups = clusters(subject.dataset, subject.dataset.train.take(value.rows))
        alone = [k for k, column in enumerate(value.columns) if column != TOGETHER]
        judged = alone or [0]
        each = [ranked(value.columns[k], value.ranking(k), groups, len(judged)) for k in judged]
        best = largest(each)
        together = ranked(TOGETHER, value.ranking(len(value.columns) - 1), groups)
        threshold = self.threshold("max_auc")
        verdict = min(compare(best, threshold), Verdict.WARN, key=SEVERITY.__getitem__)
        reason = ""
        if verdict is Verdict.WARN and best.low <= 0.5:
            verdict, reason = Verdict.NOT_ASSESSED, f"{len(value.rows)} rows are too few to tell"
        each.sort(key=lambda measure: -measure.value)
        what = f"{best.name!r} alone" if alone else f"the {subject.dataset.kind}"
        return self.finding(
            f"From {what} the groups of {attribute!r} are ranked with an AUC of {best.value:.2f}, "
            f"from {TOGETHER} with {together.value:.2f} (chance 0.50).",
            verdict=verdict,
            scope=attribute,
            reason=reason,
            estimate=best,
            threshold=threshold,
            measures=(together,),
            figures=(_figure(attribute, each[:MOST_COLUMNS]),),
            tables=(_table(attribute, each[:MOST_COLUMNS]),),
            remedies=(
                Remedy("Ask whether these columns have a reason of their own to be inputs."),
                Remedy("Compare errors and decisions by group before and after dropping them."),
            )
            if verdict is Verdict.WARN
            else (),
        )


def _table(attribute: str, each: list[Measure]) -> Table:
    rows = tuple((auc.name, auc.value, auc.low, auc.high) for auc in each)
    return Table(f"How well columns tell {attribute}", ("column", "AUC", "low", "high"), rows)


def _figure(attribute: str, each: list[Measure]) -> Figure:
    ends = np.array([[auc.value, auc.low, auc.high] for auc in each]).T.tolist()
    names = tuple(auc.name for auc in each)
    return Figure(
        kind="bar",
        title=f"How well columns tell {attribute}",
        text=f"AUC for {attribute} of the {len(each)} best columns alone; the best is {names[0]} "
        f"with {each[0].value:.2f}.",
        x_label="column",
        y_label="AUC",
        y_range=(0.0, 1.0),
        series=(Series("AUC", names, *map(tuple, ends)),),
    )
