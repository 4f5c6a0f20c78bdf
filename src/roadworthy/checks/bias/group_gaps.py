import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from roadworthy.artifacts.predictions import Predictions
from roadworthy.checks.repairs import by_guard, by_training
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, equality, gap, holm, largest, proportion, ratio
from roadworthy.core.finding import Alarm, Figure, Finding, Remedy, Series, Table, Verdict
from roadworthy.core.groups import named_groups

SHOWN = 12  # rows of the table of gaps


@dataclass(frozen=True)
class GroupGaps(Check):
    """Does the model err more often on one group of people than on another?

    What it does: compares accuracy, true and false positive rate between all pairs of groups of
    each sensitive attribute on the test split. The positive class is the last of two; of more
    classes each is in turn positive against the rest. The judged number is the largest gap; the
    intervals of all gaps hold together (Newcombe's, widened by Bonferroni), and p-values carry
    Holm's correction, so that many comparisons do not make a finding out of noise. Selection rates
    and their ratio are shown, not judged: they differ even for a perfect model where the classes
    are not equally frequent in the groups. Numbers are cut at their quartiles.
    Why it matters: an accuracy over everybody hides whom a model fails.
    When it does not apply: without a sensitive attribute, for regression, or where fewer than two
    groups have `min_rows` rows. Labels are taken as true: a bias in them is not seen.
    How to fix: more rows of the group that fares worse, reweighing, thresholds per group where the
    law allows them, or equalized odds for several attributes crossed.
    References: Newcombe 1998 (interval); Holm 1979; Hardt et al. 2016, arXiv:1610.02413 (equal
    error rates); 29 CFR 1607.4(D) (the four-fifths rule of selection ratios); Chouldechova 2017,
    arXiv:1610.07524 (why all gaps cannot vanish together).

    Args:
        max_gap: largest gap between two groups, as a difference of shares.
        min_rows: rows that a group needs for each rate that is compared.
    """

    max_gap: float = limit(0.1, "below", "no law or standard gives one number: set what is just")
    min_rows: int = 20

    card = Card(
        "group-gaps",
        "Gaps between groups",
        aliases=("equalized-odds",),
        paper="arxiv:1610.02413",
    )
    code = "RW-BIAS-001"
    area = "bias"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if not subject.dataset.roles.sensitive:
            raise NotAssessed("no sensitive attribute is named: pass --sensitive COLUMN")
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("gaps between groups are defined for classes, not for regression")
        return (Predictions("test"),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, choice = subject.dataset, get(Predictions("test")).choice.numpy()
        rates = _rates(data, choice)
        return tuple(
            self._judge_attribute(subject, name, named_groups(data.test.columns[name]), rates)
            for name in data.roles.sensitive
        )

    def _judge_attribute(
        self, subject: Subject, attribute: str, groups: np.ndarray, rates: "list[_Rate]"
    ) -> Finding:
        rows = dict(zip(*np.unique(groups, return_counts=True), strict=True))
        small = {name for name, n in rows.items() if n < self.min_rows}
        gaps = _compare(rates, groups, self.min_rows)
        if not gaps:
            reason = f"fewer than two groups of {attribute} have {self.min_rows} rows to compare"
            claim = "This was not assessed; it is not a pass."
            return self.finding(claim, verdict=Verdict.NOT_ASSESSED, scope=attribute, reason=reason)
        estimate = largest([found.size for found in gaps])
        top = next(found for found in gaps if found.size.name == estimate.name)
        shown = {rate.name: _shares(rate, groups, small) for rate in _same_class(rates, top.rate)}
        return self.finding(
            _claim(attribute, top, len(gaps), [f"{name} ({rows[name]})" for name in sorted(small)]),
            scope=attribute,
            estimate=estimate,
            threshold=self.threshold("max_gap"),
            measures=(*(s for shares in shown.values() for s in shares.values()), *_impact(shown)),
            figures=(_figure(attribute, shown),),
            tables=(_rate_table(attribute, rows, shown), _gap_table(attribute, gaps)),
            remedies=(
                Remedy(
                    f"Collect more rows of the groups of {attribute} that fare worse, and check "
                    "how their labels came about."
                ),
                by_training(
                    subject,
                    "Weigh rows so that group and class are independent in training.",
                    "reweighing",
                ),
                *_thresholds(subject, attribute),
            ),
            alarms=_alarms(subject.dataset),
        )


@dataclass(frozen=True)
class _Rate:
    """A share of right or chosen rows: which of the rows `of` (N,) are `hit` (N,)."""

    name: str
    of: np.ndarray
    hit: np.ndarray
    positive: int | None = None
    is_judged: bool = True


@dataclass(frozen=True)
class _Gap:
    """A difference of a rate between the groups `first` and `second`."""

    rate: _Rate
    first: str
    second: str
    shares: tuple[float, float]
    size: Measure
    p_value: float


def _thresholds(subject: Subject, attribute: str) -> tuple[Remedy, ...]:
    data = subject.dataset
    names = {feature.name for feature in data.features}
    if attribute not in names or len(data.classes) != 2:
        return ()
    text = "Where the law allows it, give each group its own threshold."
    guard = "group-thresholds"
    if len(data.roles.sensitive) > 1:
        guard += f" --set attribute={attribute}"
    remedies = [by_guard(subject, text, guard, is_first=False)]
    if len(set(data.roles.sensitive) & names) > 1:
        text = "Where the law allows it, make both error rates equal across all groups, crossed."
        remedies.append(by_guard(subject, text, "equalized-odds", is_first=False))
    return tuple(remedies)


def _rates(data: Dataset, choice: np.ndarray) -> list[_Rate]:
    y, everyone = data.test.y.numpy(), np.ones(len(choice), dtype=bool)
    rates = [_Rate("accuracy", everyone, choice == y)]
    is_binary = len(data.classes) == 2
    for k in [1] if is_binary else range(len(data.classes)):
        of_class = "" if is_binary else f" of {data.classes[k]}"
        hit = choice == k
        rates.append(_Rate(f"selection rate{of_class}", everyone, hit, k, is_judged=False))
        rates.append(_Rate(f"true positive rate{of_class}", y == k, hit, k))
        rates.append(_Rate(f"false positive rate{of_class}", y != k, hit, k))
    return rates


def _shares(
    rate: _Rate, groups: np.ndarray, without: set[str], comparisons: int = 1
) -> dict[str, Measure]:
    """Estimate a rate in each group that has rows for it."""
    shares = {}
    for name, n in zip(*np.unique(groups[rate.of], return_counts=True), strict=True):
        if name not in without:
            hits = int((rate.of & rate.hit & (groups == name)).sum())
            shares[str(name)] = proportion(f"{rate.name}, {name}", hits, int(n), comparisons)
    return shares


def _compare(rates: list[_Rate], groups: np.ndarray, min_rows: int) -> list[_Gap]:
    """Compare all pairs of groups in all judged rates that both have enough rows for."""
    large, comparisons = {}, 0
    for rate in rates:
        names, rows = np.unique(groups[rate.of], return_counts=True)
        if rate.is_judged:
            large[rate.name] = [str(name) for name in names[rows >= min_rows]]
            comparisons += math.comb(len(large[rate.name]), 2)
    gaps = []
    for rate in rates:
        shares = _shares(rate, groups, set(), max(comparisons, 1))
        for first, second in combinations(large.get(rate.name, []), 2):
            a, b = shares[first], shares[second]
            size = gap(f"gap in {rate.name} between {first} and {second}", a, b)
            gaps.append(_Gap(rate, first, second, (a.value, b.value), size, equality(a, b)))
    return gaps


def _same_class(rates: list[_Rate], top: _Rate) -> list[_Rate]:
    """Keep accuracy and the rates of the positive class with the largest gap."""
    positive = rates[-1].positive if top.positive is None else top.positive
    return [rate for rate in rates if rate.positive in (None, positive)]


def _claim(attribute: str, top: _Gap, comparisons: int, small: list[str]) -> str:
    shares = f"{top.first} {top.shares[0]:.1%}, {top.second} {top.shares[1]:.1%}"
    if top.size.low > 0:
        claim = f"The groups of {attribute} differ most surely in {top.rate.name}: {shares}"
    else:
        claim = (
            f"No gap between groups of {attribute} is beyond what chance explains; the largest is "
            f"in {top.rate.name}: {shares}"
        )
    left_out = f"; too small to compare: {', '.join(small)}" if small else ""
    return f"{claim} ({comparisons} comparisons{left_out})."


def _impact(shown: dict[str, dict[str, Measure]]) -> list[Measure]:
    """Give the lowest selection rate over the highest, where anybody is selected."""
    selection, shares = next(item for item in shown.items() if item[0].startswith("selection"))
    by_rate = sorted(shares, key=lambda group: shares[group].value)
    low, high = by_rate[0], by_rate[-1]
    if low == high or not shares[high].value:
        return []
    name = f"{selection}, {low} over {high} (four-fifths rule: 0.8)"
    return [ratio(name, shares[low], shares[high], math.comb(len(shares), 2))]


def _figure(attribute: str, shown: dict[str, dict[str, Measure]]) -> Figure:
    return Figure(
        kind="bar",
        title=f"Rates by {attribute}",
        text=f"{', '.join(shown)} by group of {attribute}, with 95 % intervals.",
        x_label=attribute,
        y_label="share",
        y_range=(0.0, 1.0),
        series=tuple(
            Series(
                rate,
                tuple(shares),
                tuple(share.value for share in shares.values()),
                tuple(share.low for share in shares.values()),
                tuple(share.high for share in shares.values()),
            )
            for rate, shares in shown.items()
        ),
    )


def _rate_table(
    attribute: str, rows: dict[str, int], shown: dict[str, dict[str, Measure]]
) -> Table:
    def cells(group: str) -> list[float | None]:
        return [s[group].value if group in s else None for s in shown.values()]

    lines = tuple((str(group), int(n), *cells(group)) for group, n in rows.items())
    return Table(f"Rates by {attribute}", ("group", "rows", *shown), lines)


def _gap_table(attribute: str, gaps: list[_Gap]) -> Table:
    corrected = holm(np.array([found.p_value for found in gaps]))
    order = sorted(range(len(gaps)), key=lambda i: (corrected[i], -gaps[i].size.value))[:SHOWN]

    def cells(found: _Gap) -> tuple[str | float, ...]:
        size = found.size
        names = found.rate.name, found.first, found.second
        return (*names, size.value, size.low, size.high, found.p_value)

    return Table(
        f"Gaps by {attribute}, {len(order)} of {len(gaps)}",
        ("rate", "group", "and group", "gap", "low", "high", "p", "p corrected"),
        tuple((*cells(gaps[i]), float(corrected[i])) for i in order),
    )


def _alarms(data: Dataset) -> tuple[Alarm, ...]:
    group = data.roles.group
    if group is None or len(np.unique(data.test.columns[group])) == len(data.test):
        return ()
    text = f"Rows of one {group} are counted as if independent, so the intervals are too narrow."
    return (Alarm("dependent-rows", text),)
