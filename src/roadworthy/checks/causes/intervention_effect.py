from dataclasses import dataclass, replace
from typing import Any

from roadworthy.artifacts.adjusted_effect import AdjustedEffect, AdjustedEffectValue, outcomes
from roadworthy.artifacts.experiment_forecast import TARGET
from roadworthy.artifacts.labelled_rows import labelled_rows
from roadworthy.artifacts.roles import clusters
from roadworthy.artifacts.set_column import SetColumn, SetColumnValue
from roadworthy.causes.adjustment import adjustment_set
from roadworthy.causes.graph import CausalGraph
from roadworthy.causes.implications import Implication, implications
from roadworthy.checks.declared_graph import declared_graph
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, count, gap, mean
from roadworthy.core.finding import Alarm, Finding, Remedy, Table

CONTRADICTED = 0.01
FEW_LIKE = 0.1  # share of rows with nothing to compare them with


@dataclass(frozen=True)
class InterventionEffect(Check):
    """Does the model's "what if" agree with what setting the column would do?

    What it does: takes a causal graph that you declare and a column, the treatment. It chooses
    columns to adjust for so that what is left is the effect of the treatment on the target, and
    estimates it with cross-fitted, doubly robust learners. Beside it stands how far the model's own
    answers move when only that column is changed. The judged number is how far the two are apart:
    in points of probability of the second class, or in standard deviations of a number; for one
    standard deviation of the treatment, or the second of its two values against the first. The
    estimate is made again with a placebo, with one more column and on parts of the rows, and
    independences that the graph implies are tested.
    Why it matters: a good prediction is no advice. A model that was given what lies between
    treatment and target, or what both act on, tells of the treatment what is not so.
    When it does not apply: images; no graph is declared; more than two classes; a treatment of more
    than two categories; common causes that no columns stand for. The graph is believed: an alarm
    says where rows contradict it, and the robustness says how strong a cause that it leaves out
    would have to be to bring the effect to nothing.
    How to fix: predict from the treatment and what is adjusted for alone where the model is asked
    what to do; run an experiment.
    References: Pearl 1995, doi:10.1093/biomet/82.4.669 (back door); Shpitser et al. 2010,
    arXiv:1203.3515; Chernozhukov et al. 2018, arXiv:1608.00060; Cinelli and Hazlett 2020,
    doi:10.1111/rssb.12348 (robustness).

    Args:
        max_gap: how far the model's answer may be from the effect.
        graph: such as `age -> dose; age -> target; dose -> target`; names are those of columns,
            `target` is what is predicted, others are not recorded.
        treatment: the column that would be set.
    """

    max_gap: float = limit(0.1, "below", "no standard sets one; ten points change most decisions")
    graph: str = ""
    treatment: str = ""

    card = Card(
        "intervention-effect",
        "What if, and what would be",
        aliases=("backdoor", "treatment-effect"),
        paper="arxiv:1608.00060",
    )
    code = "RW-CAUSE-003"
    area = "causes"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        if not data.features:
            raise NotAssessed("it looks at the columns of a table; the inputs are images")
        if not self.graph or not self.treatment:
            raise NotAssessed(
                "no causal graph is declared: set graph and treatment in the policy file"
            )
        if len(data.classes) > 2:
            raise NotAssessed(f"it takes a number or two classes; there are {len(data.classes)}")
        names = [feature.name for feature in data.features]
        graph = declared_graph(self, self.graph, self.treatment, data)
        treatment = names.index(self.treatment)
        if len(data.features[treatment].categories) > 2:
            raise NotAssessed(f"{self.treatment!r} has more than two categories")
        held = adjustment_set(graph, self.treatment, TARGET, names)
        columns = tuple(names.index(name) for name in held)
        return (AdjustedEffect(treatment, columns), SetColumn(treatment))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        effect, answers = (get(need) for need in self.needs(subject))
        graph = CausalGraph.parse(self.graph)
        held = adjustment_set(graph, self.treatment, TARGET, _columns(subject.dataset))
        truth = self._effect(subject, effect)
        said = self._said(subject, answers)
        unit = "share" if subject.dataset.classes else ""
        apart = gap("between the model's answer and the effect", said, truth)
        return (
            self.finding(
                f"Setting {self.treatment!r} {answers.step:.3g} higher changes the target by "
                f"{truth.value:+.3f} ({truth.low:+.3f} to {truth.high:+.3f}), adjusted for "
                f"{', '.join(map(repr, held)) or 'nothing'}; the model's answers change by "
                f"{said.value:+.3f}.",
                estimate=replace(apart, unit=unit, method=f"{truth.method}, combined"),
                threshold=self.threshold("max_gap"),
                measures=(
                    truth,
                    said,
                    count("robustness to a cause left out", effect.robustness, truth.n, "share"),
                ),
                tables=(_refutations(effect),),
                remedies=(
                    Remedy(
                        "Where the model is asked what to do, predict from the treatment and the "
                        "adjusted columns alone."
                    ),
                    Remedy("Test the advice in an experiment before it is followed."),
                ),
                alarms=self._alarms(subject, effect),
            ),
        )

    def _effect(self, subject: Subject, effect: AdjustedEffectValue) -> Measure:
        scores = effect.scores.numpy()
        groups = clusters(subject.dataset, labelled_rows(subject.dataset).take(effect.rows))
        name = f"effect of {self.treatment}"
        return mean(name, scores, seed=subject.seed_for(self), clusters=groups)

    def _said(self, subject: Subject, answers: SetColumnValue) -> Measure:
        """How far the model's answers move, in the unit of the effect."""
        moved = (answers.high - answers.low)[:, -1].numpy()  # of the second class, or the number
        name = f"change of the model's answers with {self.treatment}"
        return mean(name, moved, seed=subject.seed_for(self))

    def _alarms(self, subject: Subject, effect: AdjustedEffectValue) -> tuple[Alarm, ...]:
        alarms = []
        for name, (_, _, moved) in zip(effect.names, effect.refutations.tolist(), strict=True):
            if abs(moved) > 1:
                text = (
                    f"The effect does not stand the test by {name}: it is {moved:.1f} errors off."
                )
                alarms.append(Alarm("effect-refuted", text))
        if effect.unlike > FEW_LIKE:
            text = f"{effect.unlike:.0%} of the rows have nothing to compare them with."
            alarms.append(Alarm("no-overlap", text))
        found = [one for one in self._implications(subject) if one.p_value < CONTRADICTED]
        for one in found:
            given = f" given {', '.join(one.given)}" if one.given else ""
            text = (
                f"By the graph {one.one!r} and {one.other!r} are independent{given}; in the rows "
                f"they are not (p {one.p_value:.1g})."
            )
            alarms.append(Alarm("graph-contradicted", text))
        return tuple(alarms)

    def _implications(self, subject: Subject) -> tuple[Implication, ...]:
        data = subject.dataset
        whole = labelled_rows(data)
        rows = {
            feature.name: column
            for feature, column in zip(data.features, whole.x.double().numpy().T, strict=True)
            if len(feature.categories) <= 2
        }
        return implications(CausalGraph.parse(self.graph), rows | {TARGET: outcomes(data, whole)})


def _columns(data: Dataset) -> list[str]:
    return [feature.name for feature in data.features]


def _refutations(effect: AdjustedEffectValue) -> Table:
    rows = tuple(
        (name, *map(float, row))
        for name, row in zip(effect.names, effect.refutations.tolist(), strict=True)
    )
    columns = ("what was changed", "effect then", "expected", "standard errors apart")
    return Table("The effect, estimated anew where the answer is known", columns, rows)
