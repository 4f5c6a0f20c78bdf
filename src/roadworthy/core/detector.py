from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import Measure, auc
from roadworthy.core.guard import Learned
from roadworthy.core.model import Model

BATCH = 256
HELD_BACK = 0.25  # of the training rows are for the threshold alone
FEWEST = 20  # rows on either side: of fewer the highest score of all would be the threshold


@dataclass(frozen=True)
class Detector(ABC):
    """Says how suspicious inputs are; its fields are its settings.

    It answers no class and stops no input. What its scores are worth is measured on inputs that
    were made without knowing of it, and on those of an attacker who does: see `Rejecting`.
    """

    card: ClassVar[Card]
    kinds: ClassVar[frozenset[str]] = frozenset({"image", "tabular"})

    def learn(self, model: Model, rows: Split, seed: int = 0) -> Learned:
        """Learn what the scores need, from training rows; nothing by default.

        Raises:
            InputError: the settings or the model do not suit it.
        """
        return {}

    @abstractmethod
    def scores(self, model: Model, learned: Learned, x: Tensor) -> Tensor:
        """Say how suspicious inputs (N, …) are: (N,), higher is more so.

        It is differentiable where the model is, so that an attack can take it into account.
        """


@dataclass(frozen=True, eq=False)
class FittedDetector:
    """A detector with what it learned, and the score above which it detects.

    Args:
        detector: scores.
        learned: what it needs for that.
        threshold: scores above it are detected.
        spread: from the usual score to the threshold: the unit of `excess`.
    """

    detector: Detector
    learned: Learned
    threshold: float
    spread: float

    def scores(self, model: Model, x: Tensor) -> Tensor:
        """Score inputs (N, …) in batches, without a graph: (N,) on the CPU."""
        with torch.no_grad():
            parts = [
                self.detector.scores(model, self.learned, some) for some in torch.split(x, BATCH)
            ]
        return torch.cat(parts).double().cpu()

    def detects(self, scores: Tensor) -> Tensor:
        """Say of scores (N,) whether they are above the threshold: (N,) bool."""
        return scores > self.threshold

    def excess(self, model: Model, x: Tensor) -> Tensor:
        """Give by how much inputs (N, …) are above the threshold: (N,), differentiable."""
        return (self.detector.scores(model, self.learned, x) - self.threshold) / self.spread


def fit_detector(
    detector: Detector,
    model: Model,
    data: Dataset,
    false_positives: float = 0.05,
    seed: int = 0,
    device: str = "cpu",
) -> FittedDetector:
    """Let a detector learn from training rows, and set its threshold on others of them.

    Args:
        detector: learns.
        model: what it watches over.
        data: only its training split is looked at.
        false_positives: share of clean inputs that it may detect.
        seed: of what is drawn.
        device: where the model computes.

    Raises:
        InputError: it does not know this kind of input, or there are too few rows.
    """
    check_kind(detector, data)
    held_back = int(HELD_BACK * len(data.train))
    if held_back < FEWEST:
        raise InputError(
            f"a detector's threshold needs {FEWEST} training rows that it did not learn from; "
            f"a quarter of them are {held_back}"
        )
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))
    rows = data.train.take(order[held_back:])
    rows = replace(rows, x=rows.x.to(device), y=rows.y.to(device))
    unset = FittedDetector(detector, detector.learn(model, rows, seed), 0.0, 1.0)
    clean = unset.scores(model, data.train.x[order[:held_back]].to(device))
    # the next higher of the scores, so that no more than the share lies above
    threshold = float(clean.quantile(1 - false_positives, interpolation="higher"))
    spread = threshold - float(clean.median())
    return replace(unset, threshold=threshold, spread=spread if spread > 0 else 1.0)


def check_kind(detector: Detector, data: Dataset) -> None:
    """Say that a detector must know the kind of input.

    Raises:
        InputError: it does not.
    """
    if data.kind not in detector.kinds:
        known = " and ".join(sorted(detector.kinds))
        raise InputError(
            f"{detector.card.name} watches {known} inputs, but {data.name} is {data.kind}"
        )


def roc(clean: Tensor, adversarial: Tensor) -> Measure:
    """Estimate the area under the ROC curve from scores (N,) and (M,), with DeLong's interval.

    It is the chance that an adversarial input has a higher score than a clean one.

    Raises:
        NotAssessed: there are fewer than two of either.
    """
    above, below = (scores.detach().cpu().numpy() for scores in (adversarial, clean))
    return auc("area under the ROC curve", above, below)
