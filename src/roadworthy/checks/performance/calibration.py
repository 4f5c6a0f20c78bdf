from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters
from roadworthy.checks.repairs import by_guard
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, bootstrap, proportion
from roadworthy.core.finding import Figure, Finding, Series
from roadworthy.core.model import Offer, require

ROWS_PER_BIN = 25
MOST_BINS = 10


@dataclass(frozen=True)
class Calibration(Check):
    """Is the model right as often as it says it is?

    What it does: sorts the test rows by the probability of the class that the model chooses (its
    confidence) and cuts them into B bins of equal size, B = n / 25 but at most 10. With the mean
    confidence c_b and the share of right answers a_b of bin b it judges the debiased calibration
    error √max(0, Σ_b (n_b / n) [(c_b − a_b)² − a_b (1 − a_b) / (n_b − 1)]) by a bootstrap over
    rows, clustered by group where one is named. The subtracted term is what chance adds, so a
    calibrated model has an error near 0 on few rows too. The error is a root mean square: it is
    never below the mean absolute one (ECE), which is reported as it is usually computed, without
    the correction. Brier score (sum over classes, 0 to 2) and log loss are set beside those of a
    guess that always gives the training split's class shares.
    Why it matters: who acts on a probability, or lets the doubtful cases go to a person, relies on
    it. A network can be accurate and still far too sure.
    When it does not apply: models that give labels only, regression, fewer than 50 test rows.
    Cutting into bins hides errors that cancel inside a bin, so the error is a lower bound.
    How to fix: temperature scaling on rows that were used neither for training nor for the test.
    References: Kumar, Liang and Ma 2019, arXiv:1909.10155 (debiased error, lower bound); Roelofs
    et al. 2022, arXiv:2012.08668 (equal-size bins); Guo et al. 2017, arXiv:1706.04599.

    Args:
        max_ece: largest calibration error that is still good.
    """

    max_ece: float = limit(
        0.05, "below", "a convention: a stated 90 % then means between 85 % and 95 %"
    )

    card = Card(
        "calibration",
        "Confidence that does not hold",
        aliases=("ece",),
        paper="arxiv:1909.10155",
    )
    code = "RW-PERF-002"
    area = "performance"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        require(subject.model, Offer.SCORES)
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("calibration is about class probabilities; the target is a number")
        least = 2 * ROWS_PER_BIN
        if len(subject.dataset.test) < least:
            have = len(subject.dataset.test)
            raise NotAssessed(f"it needs at least {least} test rows; there are {have}")
        return (Predictions("test"),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, predictions = subject.dataset, get(Predictions("test"))
        y = data.test.y.numpy()
        probabilities = predictions.probabilities.numpy()
        confidence = probabilities.max(1)
        right = (predictions.choice.numpy() == y).astype(float)
        bins = min(MOST_BINS, len(y) // ROWS_PER_BIN)
        sampling: dict[str, Any] = {
            "n": len(y),
            "seed": subject.seed_for(self),
            "clusters": clusters(data, data.test),
        }
        error = bootstrap(
            "calibration error (root mean square, debiased)",
            lambda rows: calibration_error(confidence[rows], right[rows], bins),
            **sampling,
        )
        plain = bootstrap(
            "ECE (mean absolute, not debiased)",
            lambda rows: expected_calibration_error(confidence[rows], right[rows], bins),
            **sampling,
        )
        over = bootstrap(
            "mean confidence minus accuracy",
            lambda rows: float((confidence - right)[rows].mean()),
            **sampling,
        )
        shares = data.train.y.bincount(minlength=probabilities.shape[1]).numpy() / len(data.train)
        losses = {
            "Brier score": brier(probabilities, y),
            "Brier score of the class shares": brier(np.tile(shares, (len(y), 1)), y),
            "log loss": predictions.losses(data.test.y).numpy(),
        }
        scores = [
            bootstrap(name, lambda rows, loss=loss: float(loss[rows].mean()), **sampling)
            for name, loss in losses.items()
        ]
        return (
            self.finding(
                _claim(error, over, scores),
                estimate=error,
                threshold=self.threshold("max_ece"),
                measures=(plain, over, *scores),
                figures=(_reliability_figure(confidence, right, bins),),
                remedies=(
                    by_guard(
                        subject,
                        "Divide the logits by one number (temperature scaling), chosen by log loss "
                        "on rows used neither for training nor for the test.",
                        "temperature",
                    ),
                ),
            ),
        )


def equal_bins(
    confidence: np.ndarray, right: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut rows (N,) into bins of equal size by confidence.

    Returns:
        Mean confidence (B,), share of right answers (B,) and number of rows (B,) per bin.
    """
    order = np.argsort(confidence, kind="stable")
    edges = np.linspace(0, len(order), bins + 1).astype(int)
    size = np.diff(edges)
    mean_confidence = np.add.reduceat(confidence[order], edges[:-1]) / size
    return mean_confidence, np.add.reduceat(right[order], edges[:-1]) / size, size


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int) -> float:
    """Average |confidence − accuracy| over bins of equal size; too large by chance."""
    c, a, size = equal_bins(confidence, right, bins)
    return float(size @ np.abs(c - a) / size.sum())


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int) -> float:
    """Root mean square of confidence − accuracy over bins, without what chance adds."""
    c, a, size = equal_bins(confidence, right, bins)
    square = (c - a) ** 2 - a * (1 - a) / (size - 1)
    return float(np.sqrt(max(0.0, size @ square / size.sum())))


def brier(probabilities: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared distance (N,) of probabilities (N, K) to the true classes y (N,)."""
    squares: np.ndarray = np.square(probabilities).sum(1)
    return squares - 2 * probabilities[np.arange(len(y)), y] + 1


def _claim(error: Measure, over: Measure, scores: list[Measure]) -> str:
    tendency = "as often as"
    if error.value > 0 and over.low > 0:
        tendency = "less often than"
    elif error.value > 0 and over.high < 0:
        tendency = "more often than"
    score, baseline, _ = scores
    return (
        f"The model is right {tendency} it says on average; its confidence is off by "
        f"{error.value:.3f} (root mean square) on {error.n} test rows. Its Brier score is "
        f"{score.value:.3f}, that of always giving the class shares {baseline.value:.3f}."
    )


def _reliability_figure(confidence: np.ndarray, right: np.ndarray, bins: int) -> Figure:
    mean_confidence, _, size = equal_bins(confidence, right, bins)
    hits = np.add.reduceat(right[np.argsort(confidence, kind="stable")], np.cumsum(size) - size)
    bars = [proportion("right", round(h), int(n)) for h, n in zip(hits, size, strict=True)]
    outside = sum(
        not bar.low <= c <= bar.high for bar, c in zip(bars, mean_confidence, strict=True)
    )
    half = float(ndtri(0.975)) * np.sqrt(mean_confidence * (1 - mean_confidence) / size)
    xs = tuple(mean_confidence.tolist())
    return Figure(
        kind="points",
        title="Reliability",
        text=(
            f"Share of right answers against confidence in {bins} bins of equal size; in "
            f"{outside} of them the 95 % interval does not hold the confidence."
        ),
        x_label="confidence",
        y_label="share of right answers",
        diagonal=True,
        y_range=(0.0, 1.0),
        series=(
            Series.of("the model", xs, bars),
            Series(
                "where a calibrated model would lie (95 %)",
                xs,
                xs,
                tuple(np.clip(mean_confidence - half, 0, 1).tolist()),
                tuple(np.clip(mean_confidence + half, 0, 1).tolist()),
            ),
        ),
    )
