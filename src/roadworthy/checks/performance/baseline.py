from dataclasses import dataclass
from typing import Any

from roadworthy.artifacts.predictions import Predictions, PredictionsValue
from roadworthy.artifacts.roles import clusters
from roadworthy.artifacts.simple_model import SimplePredictions, parameters_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, bootstrap, mcnemar
from roadworthy.core.finding import Finding, Remedy, Table, Verdict, compare_gain

SIMPLE = SimplePredictions()
TEST = Predictions("test")
UNNOTICED = 0.01  # of a share of rows, or of R²


@dataclass(frozen=True)
class Baseline(Check):
    """Is the model better than a linear one?

    What it does: fits a linear model (logistic regression; ridge regression for numbers) on the
    training rows and compares both on the same test rows. The gain is judged by a paired bootstrap
    over rows, clustered by group where one is named; McNemar's exact p-value stands beside it. A
    model that may be as good as the linear one, to one point in a hundred, warns; it fails where it
    is surely worse.
    Why it matters: reported gains are often gains over no baseline, or a weak one. A model that
    cannot be told from a linear one costs more to train, to run and to explain, for nothing.
    When it does not apply: the model learns no more numbers than the linear one, so it is simple
    itself. Of images the linear model sees 16 pixels a side; it is fitted on 5000 rows at most.
    How to fix: use the simpler model, or find out what the other one has not learned yet.
    References: Christodoulou et al. 2019, doi:10.1016/j.jclinepi.2019.02.004 (no benefit over
    logistic regression in 71 studies); Dietterich 1998, doi:10.1162/089976698300017197 (McNemar).

    Args:
        min_gain: least gain over the linear model, as a share of rows (R² for regression).
    """

    min_gain: float = limit(
        0.0, "above", "what is not better than a linear model does not pay for its complexity"
    )

    card = Card(
        "baseline", "Better than a linear model", paper="doi:10.1016/j.jclinepi.2019.02.004"
    )
    code = "RW-PERF-004"
    area = "performance"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        own, simple = subject.model.spec.parameters, parameters_of(subject.dataset)
        if own is not None and own <= simple:
            raise NotAssessed(
                f"the model learns {own} numbers and a linear one {simple}: it is simple itself"
            )
        return (TEST, SIMPLE)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        if subject.dataset.task == Task.REGRESSION:
            return (self._judge_regression(subject, get(TEST), get(SIMPLE)),)
        y = subject.dataset.test.y
        right, simple = ((get(said).choice == y).numpy() for said in (TEST, SIMPLE))
        gain = _paired(
            subject,
            "gain over logistic regression",
            lambda rows: float(right[rows].mean() - simple[rows].mean()),
        )
        only, only_simple = int((right & ~simple).sum()), int((simple & ~right).sum())
        table = Table(
            "Test rows by who is right",
            ("", "linear model right", "linear model wrong"),
            (
                ("model right", int((right & simple).sum()), only),
                ("model wrong", only_simple, int((~right & ~simple).sum())),
            ),
        )
        claim = (
            f"The model is right on {right.mean():.1%} of {len(y)} test rows and logistic "
            f"regression on {simple.mean():.1%}; on {only} rows only the model is right, on "
            f"{only_simple} only the other (McNemar's p = {mcnemar(only, only_simple):.2g})."
        )
        return (self._found(gain, claim, (table,)),)

    def _judge_regression(
        self, subject: Subject, model: PredictionsValue, simple: PredictionsValue
    ) -> Finding:
        y = subject.dataset.test.y
        own, other = (said.losses(y).double().numpy() for said in (model, simple))
        spread = (y.double() - subject.dataset.train.y.double().mean()).square().numpy()
        gain = _paired(
            subject,
            "gain in R² over ridge regression",
            lambda rows: float((other - own)[rows].sum() / spread[rows].sum()),
        )
        claim = (
            f"The model explains {1 - own.sum() / spread.sum():.1%} of the variance that the "
            f"training mean leaves, ridge regression {1 - other.sum() / spread.sum():.1%}."
        )
        return self._found(gain, claim, ())

    def _found(self, gain: Measure, claim: str, tables: tuple[Table, ...]) -> Finding:
        threshold = self.threshold("min_gain")
        verdict = compare_gain(gain, threshold)
        # two linear models never agree to the last digit
        if verdict is Verdict.FAIL and gain.high > self.min_gain - UNNOTICED:
            verdict = Verdict.WARN
        return self.finding(
            claim,
            verdict=verdict,
            estimate=gain,
            threshold=threshold,
            tables=tables,
            remedies=(
                Remedy(
                    "Use the linear model, or look at the rows that only it gets right and find "
                    "out what the other has not learned."
                ),
            ),
        )


def _paired(subject: Subject, name: str, statistic: Any) -> Measure:
    data = subject.dataset
    return bootstrap(
        name,
        statistic,
        len(data.test),
        seed=subject.seed_for(name),
        clusters=clusters(data, data.test),
        unit="share",
    )
