from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from roadworthy.artifacts.experiment_forecast import (
    FEWEST_OF_ARM,
    TARGET,
    ExperimentForecast,
    ExperimentForecastValue,
)
from roadworthy.artifacts.roles import clusters, joined, role_column
from roadworthy.causes.forecasts import Question
from roadworthy.checks.declared_graph import declared_graph
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.estimates import (
    Measure,
    difference,
    largest,
    mean,
    of_few_draws,
    without_sign,
)
from roadworthy.core.finding import Alarm, Finding, Remedy, Table, Verdict, compare

CONTRADICTED = 0.01
TIED = "tied-to-what-was-set"
FAR = 0.1  # share of rows set to what no row was learned from


@dataclass(frozen=True)
class InterventionForecast(Check):
    """Does what was predicted of an intervention happen where one was made?

    What it does: takes a causal graph that you declare, and rows of an experiment in which
    somebody set a column. From the other rows it learns how each variable comes about from what
    acts on it (lines, curves or boosted trees, and added noise; of categories, chances), simulates
    the experiment, and compares the mean of the target with what happened, for each value that was
    set. The judged number is the largest difference: in points of probability of the second class,
    or in standard deviations of a number. Judged on its own is how far the model's answers are off
    in the same rows, those of the test split. The forecast effect is made again with a placebo,
    with one more common cause and on parts of the rows.
    Why it matters: a wrong idea of what causes what fits the past as well as a right one, until
    somebody acts on it. What was really set is the only rows that can tell.
    When it does not apply: images; no graph or no experiment is declared; more than two classes;
    what acts on the target, or on what lies between, is no column. Noise is taken to be added and
    the same everywhere, and mechanisms to be the same in the experiment but for that of the column:
    where the experiment differs in anything else that is not in the graph, that is blamed on the
    graph. A graph that passes may still be wrong about what was not set.
    How to fix: look for a common cause that is missing, or an arrow that points the wrong way;
    have the model learn from rows in which the column was set.
    References: Pearl 2009, doi:10.1017/CBO9780511803161, sections 3.2 and 7.1; Peters et al. 2014,
    JMLR 15 (added noise); Sharma and Kiciman 2020, arXiv:2011.04216 (refutations).

    Args:
        max_gap: how far a mean forecast may be from what happened.
        graph: such as `age -> dose; age -> target; dose -> target`; names are those of columns,
            `target` is what is predicted.
        treatment: the column that was set.
        experiment: values of the environment column, with commas between, in which it was set.
    """

    max_gap: float = limit(0.1, "below", "no standard sets one; ten points change most decisions")
    graph: str = ""
    treatment: str = ""
    experiment: str = ""

    card = Card(
        "intervention-forecast",
        "What was predicted of an intervention, and what happened",
        aliases=("structural-model", "held-out-intervention"),
        paper="doi:10.1017/CBO9780511803161",
    )
    code = "RW-CAUSE-004"
    area = "causes"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        if not data.features:
            raise NotAssessed("it looks at the columns of a table; the inputs are images")
        if not (self.graph and self.treatment and self.experiment):
            raise NotAssessed(
                "no experiment is declared: set graph, treatment and experiment in the policy file"
            )
        if len(data.classes) > 2:
            raise NotAssessed(f"it takes a number or two classes; there are {len(data.classes)}")
        self._look_at_names(data)
        return (ExperimentForecast(self.graph, self.treatment, self._trials(data)),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        (need,) = self.needs(subject)
        found: ExperimentForecastValue = get(need)
        return (self._of_graph(subject, found), self._of_model(subject, found))

    def _of_graph(self, subject: Subject, found: ExperimentForecastValue) -> Finding:
        gaps = list(self._gaps(subject, found))
        worst = largest([without_sign(gap) for gap in gaps])
        threshold, alarms = self.threshold("max_gap"), tuple(self._alarms(found))
        verdict = compare(worst, threshold)
        if verdict is Verdict.PASS and any(alarm.name == TIED for alarm in alarms):
            verdict = Verdict.WARN  # a forecast that was told what it should have foretold
        return self.finding(
            f"By the graph, learned from {found.learned_from} rows without the experiment, the "
            f"target is off by up to {worst.value:.3f} ({worst.low:.3f} to {worst.high:.3f}) in "
            f"{len(found.rows)} rows in which {self.treatment!r} was set.",
            scope="causal graph",
            verdict=verdict,
            estimate=worst,
            threshold=threshold,
            measures=tuple(gaps),
            tables=tuple(_tables(found, gaps)),
            remedies=(
                Remedy("Look for a common cause that the graph lacks, or an arrow turned round."),
                Remedy("Learn what the column does from rows in which it was set."),
            ),
            alarms=alarms,
        )

    def _of_model(self, subject: Subject, found: ExperimentForecastValue) -> Finding:
        own = [found.is_test & (found.arm == k) for k in range(len(found.arms))]
        judged = [k for k, rows in enumerate(own) if int(rows.sum()) >= FEWEST_OF_ARM]
        if not judged:
            reason = f"nothing was set in {FEWEST_OF_ARM} test rows of the experiment"
            return not_assessed(self, reason, scope="answers")
        gaps = [
            self._mean(subject, found, found.arms[k], own[k], found.answered, len(judged))
            for k in judged
        ]
        worst = largest([without_sign(gap) for gap in gaps])
        return self.finding(
            f"The model's answers are off by up to {worst.value:.3f} ({worst.low:.3f} to "
            f"{worst.high:.3f}) on average in {sum(gap.n for gap in gaps)} test rows in which "
            f"{self.treatment!r} was set.",
            scope="answers",
            estimate=worst,
            threshold=self.threshold("max_gap"),
            measures=tuple(gaps),
            remedies=(
                Remedy(
                    "Do not ask the model what setting the column would do; train it on rows in "
                    "which the column was set."
                ),
            ),
        )

    def _gaps(self, subject: Subject, found: ExperimentForecastValue) -> Iterator[Measure]:
        """How far the target is above its forecast where the column was set to each value."""
        for k, arm in enumerate(found.arms):
            own, comparisons = found.arm == k, len(found.arms)
            left = self._mean(subject, found, arm, own, found.forecast, comparisons)
            drawn = (found.relearned[:, k] - found.forecast[own].mean()).numpy()
            learned = of_few_draws(left.name, 0.0, drawn, left.n, comparisons=comparisons)
            method = f"{left.method} of rows, and of what was learned"
            apart = difference(left.name, left, learned)
            yield replace(apart, n=left.n, unit=left.unit, method=method)

    def _mean(
        self,
        subject: Subject,
        found: ExperimentForecastValue,
        arm: str,
        own: Tensor,
        said: Tensor,
        comparisons: int,
    ) -> Measure:
        data = subject.dataset
        rows = Split.together("all", data.train, data.test).take(found.rows[own])
        return mean(
            f"target above what was said, {self.treatment} set to {arm}",
            (found.happened - said)[own].numpy(),
            seed=subject.seed_for(self),
            clusters=clusters(data, rows),
            unit="share" if data.classes else "",
            comparisons=comparisons,
        )

    def _alarms(self, found: ExperimentForecastValue) -> Iterator[Alarm]:
        for name, p_value in found.tied:
            if p_value < CONTRADICTED:
                text = (
                    f"By the graph {self.treatment!r} does not act on {name!r}, and they are tied "
                    f"where it was set (p {p_value:.1g}): the graph is wrong, or what was set was "
                    f"chosen by {name!r}."
                )
                yield Alarm(TIED, text)
        for name, (_, _, moved) in zip(found.names, found.refutations.tolist(), strict=True):
            if abs(moved) > 1:
                text = (
                    f"The forecast effect does not stand the test by {name}: it is {moved:.1f} "
                    "errors off."
                )
                yield Alarm("forecast-refuted", text)
        if found.beyond > FAR:
            text = (
                f"In {found.beyond:.0%} of the rows {self.treatment!r} was set to what no row that "
                "was learned from has."
            )
            yield Alarm("beyond-what-was-learned", text)

    def _trials(self, data: Dataset) -> tuple[str, ...]:
        column = role_column(data, "environment")
        named = tuple(name.strip() for name in self.experiment.split(","))
        there = set(joined(data, column).astype(str).tolist())
        for name in named:
            if name not in there:
                raise InputError(
                    f"experiment of check {self.card.name} is {name!r}, which no row has in "
                    f"column {column!r}"
                )
        return named

    def _look_at_names(self, data: Dataset) -> None:
        graph = declared_graph(self, self.graph, self.treatment, data)
        question = Question(graph, self.treatment, TARGET)
        known = {feature.name for feature in data.features} | {TARGET}
        for name in sorted({*question.held, *question.drawn} - known):
            raise NotAssessed(
                f"by the causal graph {name!r} acts on the target or on what lies between, and it "
                "is no column"
            )


def _tables(found: ExperimentForecastValue, gaps: list[Measure]) -> Iterator[Table]:
    rows = []
    for k, (arm, gap) in enumerate(zip(found.arms, gaps, strict=True)):
        own = found.arm == k
        means = (part[own].mean().item() for part in (found.forecast, found.happened))
        rows.append((arm, gap.n, *means, gap.low, gap.high))
    columns = ("set to", "rows", "forecast", "happened", "difference, low", "high")
    yield Table("The target where the column was set", columns, tuple(rows))
    yield Table("How each variable was learned", ("variable", "by"), tuple(found.learners))
    again = zip(found.names, found.refutations.tolist(), strict=True)
    yield Table(
        "The forecast effect, estimated anew where the answer is known",
        ("what was changed", "effect then", "expected", "standard errors apart"),
        tuple((name, *map(float, row)) for name, row in again),
    )
