from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.adjusted_effect import outcomes
from roadworthy.artifacts.answers import answers
from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.predictions import outputs_on
from roadworthy.artifacts.roles import clusters
from roadworthy.causes.forecasts import RESAMPLES, Question
from roadworthy.causes.graph import CausalGraph
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.progress import Progress

TARGET = "target"  # what is predicted, in a causal graph
MOST = 2000  # rows that are learned from, and rows that are forecast
FEWEST = 50  # rows to learn from
MOST_ARMS = 5
FEWEST_OF_ARM = 20


@dataclass(frozen=True, eq=False)
class ExperimentForecastValue:
    """What a structural model says of rows in which a column was set, and what happened there.

    Args:
        rows: (R,) numbers of the labelled training and test rows, in this order.
        is_test: (R,) whether the row is a test row.
        arm: (R,) number of what the column was set to in `arms`.
        arms: names of what it was set to.
        happened: (R,) target: standard deviations of a number, or 1 for the second class.
        forecast: (R,) what the structural model expects.
        answered: (R,) what the model under inspection says.
        relearned: (B, A) mean forecast of each arm by models learned from resamples.
        beyond: share of rows set to what lies outside the rows that were learned from.
        learned_from: how many rows those are.
        learners: how the target and what lies between was learned.
        tied: what stays as it was, by name, and the p-value of its being tied to what was set.
        names: what was changed in each refutation.
        refutations: (F, 3) the effect then, the expected one, and how many standard errors apart.
    """

    rows: Tensor
    is_test: Tensor
    arm: Tensor
    arms: tuple[str, ...]
    happened: Tensor
    forecast: Tensor
    answered: Tensor
    relearned: Tensor
    beyond: float
    learned_from: int
    learners: tuple[tuple[str, str], ...]
    tied: tuple[tuple[str, float], ...]
    names: tuple[str, ...]
    refutations: Tensor


@dataclass(frozen=True)
class ExperimentForecast(Artifact[ExperimentForecastValue]):
    """Forecasts of an experiment by a structural model that has not seen it.

    Learned from at most 2000 labelled rows of other environments. In each row of the experiment the
    column is what it was set to, what neither it nor the target acts on is as it was, and what lies
    between and the target are drawn ten times. All is learned anew from 50 resamples. What a column
    was set to is up to five values, or fourths of a number.
    Source: Pearl 2009, doi:10.1017/CBO9780511803161, section 3.2 (truncated factorization).

    Args:
        graph: what acts on what.
        treatment: the column that was set.
        experiment: environments in which it was.
    """

    graph: str
    treatment: str
    experiment: tuple[str, ...]

    card = Card("experiment-forecast", "Forecasts of an experiment")
    value = ExperimentForecastValue

    def cost(self, subject: Subject) -> float:
        return 2000 * min(MOST, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> ExperimentForecastValue:
        data, seed = subject.dataset, subject.seed_for(self)
        assert data.roles.environment is not None
        whole = Split.together("all", data.train, data.test)
        is_set = np.isin(whole.columns[data.roles.environment].astype(str), self.experiment)
        is_set = torch.from_numpy(is_set)
        seen = _some(whole, whole.is_labelled & ~is_set, seed)
        trial = _some(whole, whole.is_labelled & is_set, seed)
        if len(seen) < FEWEST:
            raise NotAssessed(
                f"a structural model needs {FEWEST} labelled rows from outside the experiment; "
                f"there are {len(seen)}"
            )
        known, tried = (variables(data, whole.take(rows)) for rows in (seen, trial))
        arm, arms = arms_of(tried[self.treatment])
        if not arms:
            raise NotAssessed(f"nothing was set in {FEWEST_OF_ARM} labelled rows of the experiment")
        kept = arm >= 0
        trial, arm = trial[torch.from_numpy(kept)], arm[kept]
        tried = {name: values[kept] for name, values in tried.items()}
        question = Question(CausalGraph.parse(self.graph), self.treatment, TARGET)
        groups = clusters(data, whole.take(seen))
        try:
            model = question.learn(known, seed=seed)
        except InputError as error:  # it is the rows that do not allow it
            raise NotAssessed(str(error)) from None
        said = question.forecast(model, tried, seed)
        progress.advance(0.2)
        again = []
        for k, other in enumerate(model.relearned(RESAMPLES, seed, groups)):
            again.append(np.bincount(arm, question.forecast(other, tried, seed)) / np.bincount(arm))
            progress.advance(0.2 + 0.4 * (k + 1) / RESAMPLES)
        found = tuple(question.refutations(known, seed=seed, groups=groups))
        outputs = outputs_on(subject.model, whole.x[trial], subject.device)
        return ExperimentForecastValue(
            trial,
            trial >= len(data.train),
            torch.from_numpy(arm),
            arms,
            torch.from_numpy(tried[TARGET].astype(float)),
            torch.from_numpy(said),
            answers(subject, outputs)[:, -1],
            torch.from_numpy(np.array(again)),
            beyond(known[self.treatment], tried[self.treatment]),
            len(seen),
            tuple((n, m.learner) for n, m in model.mechanisms.items() if hasattr(m, "learner")),
            tuple(question.tied(tried).items()),
            tuple(one.name for one in found),
            torch.tensor([[one.value, one.expected, one.moved] for one in found]).reshape(-1, 3),
        )


def _some(whole: Split, of: Tensor, seed: int) -> Tensor:
    rows = of.nonzero()[:, 0]
    return rows[some_rows(len(rows), MOST, seed)]


def variables(data: Dataset, rows: Split) -> dict[str, np.ndarray]:
    """Give the columns (N,) by name, categories as text, and the target."""
    found = {}
    # by column: each is of its own kind
    for feature, column in zip(data.features, rows.x.double().numpy().T, strict=True):
        is_number = feature.kind == "number"
        found[feature.name] = (
            column if is_number else np.array(feature.categories)[column.astype(int)]
        )
    return found | {TARGET: outcomes(data, rows)}


def arms_of(treatment: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Number what rows were set to (N,), -1 where too few rows were set alike, and name it."""
    values, arm = np.unique(treatment, return_inverse=True)
    names = [f"{value:.4g}" if values.dtype.kind == "f" else str(value) for value in values]
    if len(values) > MOST_ARMS and values.dtype.kind == "f":
        bends = np.unique(np.quantile(treatment, [0.25, 0.5, 0.75]))
        arm = np.searchsorted(bends, treatment)
        parts = [treatment[arm == k] for k in range(len(bends) + 1)]
        names = [f"{part.min():.4g} to {part.max():.4g}" if len(part) else "" for part in parts]
    is_enough = np.bincount(arm, minlength=len(names)) >= FEWEST_OF_ARM
    number = np.where(is_enough, is_enough.cumsum() - 1, -1)
    return number[arm], tuple(np.array(names)[is_enough].tolist())


def beyond(known: np.ndarray, tried: np.ndarray) -> float:
    """Give the share of what was tried that lies outside what is known."""
    if known.dtype.kind != "f":
        return float((~np.isin(tried, known)).mean())
    return float(((tried < known.min()) | (tried > known.max())).mean())
