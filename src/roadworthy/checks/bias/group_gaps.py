import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters, sensitive_columns
from roadworthy.checks.group_rates import Rate, Share, compare_rates, rates_of, ratio_of, shares
from roadworthy.checks.group_tables import (
    Gap,
    gap_table,
    group_figure,
    group_table,
    not_crossed,
    too_small,
)
from roadworthy.checks.repairs import by_guard, by_training
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.estimates import Measure, largest_of
from roadworthy.core.finding import Finding, Remedy
from roadworthy.core.groups import Groups, crossings

SMALL = ("left out", "pooled")


@dataclass(frozen=True)
class GroupGaps(Check):
    """Does the model err more often on one group of people than on another?

    What it does: compares accuracy, true and false positive rate between all pairs of groups of
    each sensitive attribute on the test split, and of their crossings: every pair of the first five
    attributes and, of three or more, all of these at once. The positive class is the last of two;
    of more classes each is in turn positive against the rest. The judged number is the largest gap.
    The intervals of all gaps hold together (Newcombe's, widened by Bonferroni; half of the chance
    of an error is for the attributes alone, half for the crossings), and p-values carry Holm's
    correction, so that many comparisons do not make a finding out of noise. Selection rates and
    their ratio, and the positive predictive value, are shown, not judged: where the classes are not
    equally frequent in the groups they differ even for a model that errs alike in all. The false
    negative rate is one minus the true positive rate. Numbers are cut at their quartiles.
    Rows of one group of `--group`, such as a patient's, count for as many as they are worth (design
    effect).
    Why it matters: an accuracy over everybody hides whom a model fails, and a rate by race and by
    sex hides what happens to black women.
    When it does not apply: without a sensitive attribute, for regression (`group-errors` compares
    its errors), or where fewer than two groups have `min_rows` rows. Labels are taken as true: a
    bias in them is not seen.
    How to fix: more rows of the group that fares worse, reweighing, thresholds per group where the
    law allows them, or equalized odds for several attributes crossed.
    References: Newcombe 1998 (interval); Holm 1979; Hardt et al. 2016, arXiv:1610.02413 (equal
    error rates); 29 CFR 1607.4(D) (the four-fifths rule of selection ratios); Chouldechova 2017,
    arXiv:1610.07524 (why all gaps cannot vanish together); Buolamwini and Gebru 2018,
    https://proceedings.mlr.press/v81/buolamwini18a.html (crossed groups).

    Args:
        max_gap: largest gap between two groups, as a difference of shares.
        min_rows: rows that a group needs for each rate that is compared.
        small: what becomes of groups of fewer rows: `left out`, by name, or `pooled` into one.
    """

    max_gap: float = limit(0.1, "below", "no law or standard gives one number: set what is just")
    min_rows: int = 20
    small: str = "left out"

    card = Card(
        "group-gaps",
        "Gaps between groups",
        aliases=("equalized-odds",),
        paper="arxiv:1610.02413",
    )
    code = "RW-BIAS-001"
    area = "bias"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if self.small not in SMALL:
            raise InputError(
                f"small of check group-gaps is 'left out' or 'pooled', not {self.small!r}"
            )
        sensitive_columns(subject.dataset)
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed(
                "rates are defined for classes, not for regression: see group-errors (RW-BIAS-003)"
            )
        return (Predictions("test"),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, choice = subject.dataset, get(Predictions("test")).choice.numpy()
        scopes, left_out = crossings(data.test.columns, data.roles.sensitive)
        if self.small == "pooled":
            scopes = {scope: groups.pooled(self.min_rows) for scope, groups in scopes.items()}
        rates = rates_of(data, choice)
        gaps = compare_rates(rates, scopes, clusters(data, data.test), self.min_rows)
        concluded = [
            self._judge_scope(subject, scope, groups, rates, gaps[scope])
            for scope, groups in scopes.items()
        ]
        return (*concluded, *not_crossed(self, left_out))

    def _judge_scope(
        self, subject: Subject, scope: str, groups: Groups, rates: list[Rate], gaps: list[Gap]
    ) -> Finding:
        if not gaps:
            reason = f"fewer than two groups of {scope} have {self.min_rows} rows to compare"
            return not_assessed(self, reason, scope)
        sizes = groups.sizes
        small = {name for name, n in sizes.items() if n < self.min_rows}
        top, estimate = largest_of(gaps, lambda gap: gap.size)
        about = _same_class(rates, top.of)
        people = clusters(subject.dataset, subject.dataset.test)
        found = {rate.name: shares(rate, groups, people, small) for rate in about}
        shown = {
            name: {group: share.measure for group, share in by.items()}
            for name, by in found.items()
        }
        drawn = {rate.name: shown[rate.name] for rate in about if rate.is_judged}
        return self.finding(
            _claim(scope, top, len(gaps), too_small(sizes, small)),
            scope=scope,
            estimate=estimate,
            threshold=self.threshold("max_gap"),
            measures=(*(share for by in shown.values() for share in by.values()), *_impact(found)),
            figures=(group_figure(scope, sizes, drawn, "share", (0.0, 1.0)),),
            tables=(group_table(scope, sizes, shown), gap_table(scope, gaps)),
            remedies=(
                Remedy(
                    f"Collect more rows of the groups of {scope} that fare worse, and check "
                    "how their labels came about."
                ),
                by_training(
                    subject,
                    "Weigh rows so that group and class are independent in training.",
                    "reweighing",
                ),
                *_thresholds(subject, scope),
            ),
        )


def _thresholds(subject: Subject, attribute: str) -> tuple[Remedy, ...]:
    data = subject.dataset
    if attribute not in data.sensitive_features or len(data.classes) != 2:
        return ()
    text = "Where the law allows it, give each group its own threshold."
    chosen = {"attribute": attribute} if len(data.roles.sensitive) > 1 else {}
    remedies = [by_guard(subject, text, "group-thresholds", is_first=False, **chosen)]
    if len(data.sensitive_features) > 1:
        text = "Where the law allows it, make both error rates equal across all groups, crossed."
        remedies.append(by_guard(subject, text, "equalized-odds", is_first=False))
    return tuple(remedies)


def _same_class(rates: list[Rate], top: str) -> list[Rate]:
    """Keep accuracy and the rates of the positive class with the largest gap."""
    positive = next(rate.positive for rate in rates if rate.name == top)
    if positive is None:
        positive = rates[-1].positive
    return [rate for rate in rates if rate.positive in (None, positive)]


def _claim(scope: str, top: Gap, comparisons: int, small: str) -> str:
    shares = f"{top.first} {top.values[0]:.1%}, {top.second} {top.values[1]:.1%}"
    if top.size.low > 0:
        claim = f"The groups of {scope} differ most surely in {top.of}: {shares}"
    else:
        claim = (
            f"No gap between groups of {scope} is beyond what chance explains; the largest is "
            f"in {top.of}: {shares}"
        )
    return f"{claim} ({comparisons} comparisons{small})."


def _impact(found: Mapping[str, Mapping[str, Share]]) -> list[Measure]:
    """Give the lowest selection rate over the highest, where anybody is selected."""
    selection, by_group = next(item for item in found.items() if item[0].startswith("selection"))
    by_rate = sorted(by_group, key=lambda group: by_group[group].value)
    low, high = by_rate[0], by_rate[-1]
    if low == high or not by_group[high].value:
        return []
    name = f"{selection}, {low} over {high} (four-fifths rule: 0.8)"
    return [ratio_of(name, by_group[low], by_group[high], math.comb(len(by_group), 2))]
