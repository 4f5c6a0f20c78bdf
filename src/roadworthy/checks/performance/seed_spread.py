from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.retrained import Retrained
from roadworthy.checks.retraining import may_retrain
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import Measure, count, deviation
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Threshold
from roadworthy.core.model import Offer, require

RETRAINED = Retrained()
TWICE = 1.96 * np.sqrt(2)  # standard deviations that two trainings differ by, 95 times in 100


@dataclass(frozen=True)
class SeedSpread(Check):
    """How much of the result is luck with the seed?

    What it does: trains the model again on the same rows with five other seeds and measures how the
    accuracy on the test split spreads (for regression R²). From the standard deviation follows how
    far two trainings of the same model lie apart by luck, which a claimed difference must exceed.
    Why it matters: the best of several seeds is reported as the model, and the next training does
    not reach it; differences smaller than the spread are found and lost again.
    When it does not apply: the model cannot be trained again from here. Other rows in training and
    test spread the result further: this is the least of it.
    How to fix: report the mean over seeds with its spread; compare models over several seeds each;
    average the models.
    References: Bouthillier et al. 2021, arXiv:2103.03098; Henderson et al. 2018, arXiv:1709.06560.

    Args:
        max_spread: largest standard deviation over seeds.
        claimed_difference: a difference in accuracy (or R²) that is claimed over another model
            trained once; 0 for none.
    """

    max_spread: float = limit(
        0.02, "below", "above it, two trainings of one model lie 5 points apart one time in 20"
    )
    claimed_difference: float = 0.0

    card = Card("seed-spread", "Luck with the seed", paper="arxiv:2103.03098")
    code = "RW-PERF-005"
    area = "performance"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if self.claimed_difference < 0:
            raise InputError("claimed_difference of seed-spread must not be below 0")
        require(subject.model, Offer.REFIT)
        may_retrain(subject)
        return (RETRAINED,)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        scores = _scores(subject, get(RETRAINED).outputs.double().numpy())
        name = "R²" if subject.dataset.task == Task.REGRESSION else "accuracy"
        spread = deviation(f"standard deviation of {name} over seeds", scores, "share")
        luck = Measure(
            "difference of two trainings that luck explains",
            *(float(TWICE) * end for end in (spread.value, spread.low, spread.high)),
            n=len(scores),
            unit="share",
            method=spread.method,
        )
        findings = [
            self.finding(
                _claim(name, scores, luck.value),
                estimate=spread,
                threshold=self.threshold("max_spread"),
                measures=(count(f"mean {name} over seeds", scores.mean(), len(scores)), luck),
                figures=(_figure(name, scores),),
                remedies=(Remedy(f"Report the mean {name} over seeds and its spread."),),
            )
        ]
        if self.claimed_difference:
            findings.append(self._judge_claim(name, luck))
        return tuple(findings)

    def _judge_claim(self, name: str, luck: Measure) -> Finding:
        return self.finding(
            f"A gain of {100 * self.claimed_difference:.1f} points of {name} is claimed; luck "
            f"explains {100 * luck.value:.1f} [{100 * luck.low:.1f}, {100 * luck.high:.1f}].",
            scope="claimed difference",
            estimate=luck,
            threshold=Threshold(
                "claimed_difference", self.claimed_difference, "below", "policy file"
            ),
            remedies=(Remedy("Train both models with several seeds and compare the means."),),
        )


def _claim(name: str, scores: np.ndarray, luck: float) -> str:
    if scores.std() == 0:
        return f"The seed plays no part: {name} is {scores[0]:.1%} whatever it is."
    return (
        f"Over {len(scores)} seeds {name} lies between {scores.min():.1%} and {scores.max():.1%}; "
        f"two models, each trained once, can differ by {100 * luck:.1f} points by luck."
    )


def _scores(subject: Subject, outputs: np.ndarray) -> np.ndarray:
    """Give the accuracy, or R², of each training: (M,)."""
    data = subject.dataset
    y = data.test.y.numpy()
    if data.task == Task.REGRESSION:
        spread = np.square(y - float(data.train.y.double().mean())).mean()
        return np.asarray(1 - np.square(outputs - y).mean(1) / spread)
    return np.asarray((outputs.argmax(2) == y).mean(1))


def _figure(name: str, scores: np.ndarray) -> Figure:
    seeds = tuple(f"seed {k + 1}" for k in range(len(scores)))
    return Figure(
        kind="points",
        title=f"{name} by seed",
        text=f"{name} of {len(scores)} trainings: {scores.min():.3f} to {scores.max():.3f}.",
        x_label="training",
        y_label=name,
        series=(Series(name, seeds, tuple(scores.tolist())),),
    )
