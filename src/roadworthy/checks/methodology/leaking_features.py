from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters
from roadworthy.artifacts.single_features import SingleFeatureErrors
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, bootstrap
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table

ERRORS = SingleFeatureErrors(10_000)
MOST_COLUMNS = 15
RELATED = 0.5  # of the best column's skill, from which on another one is worth a question


@dataclass(frozen=True)
class LeakingFeatures(Check):
    """Does a single column give the answer away?

    What it does: predicts the target from each column alone, by a small decision tree on rows it
    was not fitted on, and gives its skill: the share of the errors of a guess (the most frequent
    class, the mean) that it avoids; for numbers this is R². Judges the best column, by a bootstrap
    over rows, clustered by group where one is named. Where one is caught, columns with half its
    skill are named too, as leaks seldom come alone.
    Why it matters: a column that is filled in after the outcome, or because of it, makes a model
    excellent on paper and useless on the day the outcome is not yet known.
    When it does not apply: images. A strong column can be honest: in easy problems (Iris) one
    measurement nearly decides. Leaks that take two columns are not seen.
    How to fix: ask when each column becomes known; drop what is not known when the model is used.
    References: Kaufman et al. 2012, doi:10.1145/2382577.2382579; Kapoor and Narayanan 2023,
    doi:10.1016/j.patter.2023.100804 (leakage type L2).

    Args:
        max_skill: largest share of a guess's errors that a column alone may avoid.
    """

    max_skill: float = limit(
        0.9, "below", "the best honest columns: 0.76 in breast-cancer, 0.55 in wine, 0.94 in Iris"
    )

    card = Card(
        "leaking-features",
        "A column that gives the answer",
        aliases=("target-leakage",),
        paper="doi:10.1145/2382577.2382579",
    )
    code = "RW-LEAK-006"
    area = "methodology"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if not subject.dataset.features:
            raise NotAssessed("it looks at the columns of a table; the inputs are images")
        return (ERRORS, Predictions("test"))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, errors = subject.dataset, get(ERRORS)
        alone, none = errors.alone.double().numpy(), errors.none.double().numpy()
        if none.sum() == 0:
            raise NotAssessed("the target is the same in all training rows")
        skill = 1 - alone.sum(1) / none.sum()
        order = skill.argsort(kind="stable")[::-1]
        names = [data.features[j].name for j in order]
        best = alone[order[0]]
        estimate = bootstrap(
            f"skill of {names[0]!r} alone",
            lambda rows: float(1 - best[rows].sum() / none[rows].sum()),
            len(none),
            seed=subject.seed_for(self),
            clusters=clusters(data, data.train.take(errors.rows)),
            unit="share",
        )
        model = self._model_skill(subject, get(Predictions("test")).outputs.double().numpy())
        return (
            self.finding(
                self._claim(estimate, names, skill[order]),
                estimate=estimate,
                threshold=self.threshold("max_skill"),
                measures=(model,),
                figures=(_figure(names[:MOST_COLUMNS], skill[order[:MOST_COLUMNS]]),),
                tables=(_table(names[:MOST_COLUMNS], skill[order[:MOST_COLUMNS]]),),
                remedies=(
                    Remedy(
                        "Ask of each of these columns whether it is known when the model is used; "
                        "drop those that are not and train again."
                    ),
                ),
            ),
        )

    def _claim(self, estimate: Measure, names: list[str], skill: np.ndarray) -> str:
        if estimate.value <= self.max_skill:
            return (
                f"No column gives the target away: the best one, {names[0]!r}, avoids "
                f"{estimate.value:.1%} of the errors of a guess."
            )
        claim = f"{names[0]!r} alone avoids {estimate.value:.1%} of the errors of a guess"
        related = [
            repr(name)
            for name, value in zip(names[1:], skill[1:], strict=True)
            if value >= RELATED * skill[0]
        ]
        if not related:
            return f"{claim}."
        return f"{claim}; ask about {', '.join(related[:MOST_COLUMNS])} too."

    def _model_skill(self, subject: Subject, outputs: np.ndarray) -> Measure:
        """The same skill for the whole model, on the test split."""
        data = subject.dataset
        y = data.test.y.numpy()
        if data.task == Task.REGRESSION:
            wrong = np.square(outputs - y)
            guessed = np.square(float(data.train.y.double().mean()) - y)
        else:
            wrong = (outputs.argmax(1) != y).astype(float)
            guessed = (y != int(data.train.y.bincount().argmax())).astype(float)
        return bootstrap(
            "skill of the model",
            lambda rows: float(1 - wrong[rows].sum() / guessed[rows].sum()),
            len(y),
            seed=subject.seed_for(self),
            clusters=clusters(data, data.test),
            unit="share",
        )


def _table(names: list[str], skill: np.ndarray) -> Table:
    rows = tuple(zip(names, skill.tolist(), strict=True))
    return Table("Share of a guess's errors that a column alone avoids", ("column", "skill"), rows)


def _figure(names: list[str], skill: np.ndarray) -> Figure:
    return Figure(
        kind="bar",
        title="What each column alone can do",
        text=f"Skill of the {len(names)} best columns alone; the best is {names[0]} with "
        f"{skill[0]:.2f}.",
        x_label="column",
        y_label="skill",
        series=(Series("skill", tuple(names), tuple(skill.tolist())),),
    )
