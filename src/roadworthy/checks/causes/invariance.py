from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.column_reliance import ColumnReliance
from roadworthy.artifacts.invariant_sets import InvariantSets, InvariantSetsValue
from roadworthy.artifacts.roles import is_known, joined, role_column
from roadworthy.checks.repairs import by_training
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, count, largest, mean
from roadworthy.core.finding import Alarm, Finding, Remedy, Table, Verdict, compare

MOST_SETS = 15


@dataclass(frozen=True)
class Invariance(Check):
    """Does the model use columns whose relation to the target changes with the environment?

    What it does: invariant causal prediction. For each subset of at most 8 columns it tests
    whether what the subset leaves unexplained of the target is alike in all environments. A column
    in every accepted set is a plausible cause; one in no accepted set relates to the target
    differently from place to place. Judged is how far the model's answers move when such a column
    is shuffled: it warns and never fails, as a column can be worth its doubt.
    Why it matters: what causes the target goes on doing so elsewhere; what only goes with it, such
    as a consequence or the mark of a hospital, need not.
    When it does not apply: images; no environment is named, or fewer than two have 30 rows of
    different groups. Where no set is accepted, the relation is not linear, causes are not recorded
    or the environment acts on the target itself, and nothing can be said. That a set is not
    rejected is no proof: with few rows, or environments alike, nothing is.
    How to fix: drop the columns, train for what holds in all environments, or test on an
    environment that was left out.
    References: Peters, Bühlmann, Meinshausen 2016, arXiv:1501.01332; Schölkopf et al. 2021,
    arXiv:2102.11107; Fisher et al. 2019, arXiv:1801.01489 (reliance).

    Args:
        max_reliance: how far answers may move on average when a changing column is shuffled.
        level: chance at which a set that is alike is rejected all the same.
    """

    max_reliance: float = limit(
        0.02, "below", "no standard sets one; 0.02 is two points of probability"
    )
    level: float = 0.05

    card = Card(
        "invariance",
        "Columns that mean other things elsewhere",
        aliases=("invariant-causal-prediction", "icp"),
        paper="arxiv:1501.01332",
    )
    code = "RW-CAUSE-001"
    area = "causes"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        if not data.features:
            raise NotAssessed("it looks at the columns of a table; the inputs are images")
        values = joined(data, role_column(data, "environment"))
        if len(np.unique(values[is_known(values)].astype(str))) < 2:
            raise NotAssessed("all rows are of one environment")
        return (InvariantSets(), ColumnReliance())

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        sets = get(InvariantSets())
        accepted = sets.prediction.accepted(self.level)
        if not accepted:
            raise NotAssessed(
                f"no set of columns leaves alike residuals in {len(sets.environments)} environments"
                f" (largest p-value {float(sets.p_values.max()):.2g}): relations are not linear, "
                "causes are not recorded, or the environment acts on the target itself"
            )
        changing = sorted(sets.prediction.changing(self.level))
        reliance = self._reliance(subject, sets, get(ColumnReliance()).moved.numpy())
        estimate = count("reliance on columns that change", 0.0, sum(sets.rows))
        if changing:
            estimate = largest([reliance[column] for column in changing])
        threshold = self.threshold("max_reliance")
        verdict = compare(estimate, threshold)
        return (
            self.finding(
                self._claim(subject, sets, estimate, changing),
                # that a relation changes is evidence, and need not be a fault
                verdict=Verdict.WARN if verdict is Verdict.FAIL else verdict,
                estimate=estimate,
                threshold=threshold,
                tables=(
                    self._columns(subject, sets, reliance),
                    _sets(subject, sets, accepted),
                ),
                remedies=_remedies(subject, changing),
                alarms=_alarms(accepted),
            ),
        )

    def _reliance(
        self, subject: Subject, sets: InvariantSetsValue, moved: np.ndarray
    ) -> dict[int, Measure]:
        names = [feature.name for feature in subject.dataset.features]
        unit = "share" if subject.dataset.classes else ""
        return {
            c: mean(
                f"how far answers move when {names[c]!r} is shuffled",
                moved[c],
                seed=subject.seed_for(self),
                unit=unit,
                comparisons=len(sets.columns),
            )
            for c in sets.columns
        }

    def _claim(
        self, subject: Subject, sets: InvariantSetsValue, estimate: Measure, changing: list[int]
    ) -> str:
        causes = sorted(sets.prediction.parents(self.level))
        plausible = f"Plausible causes: {_names(subject, causes)}." if causes else ""
        among = f"{len(sets.columns)} columns in {len(sets.environments)} environments"
        if not changing:
            return (
                f"Of {among} none is seen to relate to the target differently from place to place,"
                f" which is no proof that none does. {plausible}".rstrip()
            )
        return (
            f"Of {among} these relate to the target differently from place to place: "
            f"{_names(subject, changing)}. Answers move by up to {estimate.value:.3f} when one of "
            f"them is shuffled. {plausible}".rstrip()
        )

    def _columns(
        self, subject: Subject, sets: InvariantSetsValue, reliance: dict[int, Measure]
    ) -> Table:
        parents = sets.prediction.parents(self.level)
        changing = sets.prediction.changing(self.level)
        rows = []
        for c in sorted(sets.columns, key=lambda c: -reliance[c].value):
            said = "in every accepted set" if c in parents else "in some accepted sets"
            said = "in none: it changes" if c in changing else said
            own = reliance[c]
            rows.append((subject.dataset.features[c].name, said, own.value, own.low, own.high))
        columns = ("column", "found", "reliance", "low", "high")
        return Table("Columns, by how much the model uses them", columns, tuple(rows))


def _names(subject: Subject, columns: list[int] | frozenset[int]) -> str:
    names = [repr(subject.dataset.features[c].name) for c in sorted(columns)]
    return ", ".join(names) or "no column"


def _sets(
    subject: Subject, sets: InvariantSetsValue, accepted: tuple[frozenset[int], ...]
) -> Table:
    p_values = np.sort(sets.prediction.p_values)[::-1]
    rows = tuple(
        (_names(subject, columns), float(p))
        for columns, p in zip(accepted[:MOST_SETS], p_values, strict=False)
    )
    title = f"Sets of columns that are not rejected: {len(accepted)} of {len(p_values)}"
    return Table(title, ("columns", "p"), rows)


def _alarms(accepted: tuple[frozenset[int], ...]) -> tuple[Alarm, ...]:
    if frozenset() not in accepted:
        return ()
    text = (
        "The target itself is alike in all environments, so what is a cause cannot be told from "
        "them."
    )
    return (Alarm("environments-alike", text),)


def _remedies(subject: Subject, changing: list[int]) -> tuple[Remedy, ...]:
    if not changing:
        return (Remedy("Test on an environment that was left out of the training all the same."),)
    return (
        Remedy(f"Train without {_names(subject, changing)} and compare in each environment."),
        by_training(subject, "Learn for the environment that fares worst.", "group-dro"),
        Remedy("Leave one environment out of the training, and test on it."),
    )
