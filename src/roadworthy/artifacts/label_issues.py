from dataclasses import dataclass
from typing import Any

from roadworthy.artifacts.cross_fitting import CrossFittedPredictions
from roadworthy.artifacts.predictions import Predictions, PredictionsValue
from roadworthy.core import confident_learning
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Task
from roadworthy.core.progress import Progress


@dataclass(frozen=True)
class LabelIssues(Artifact[confident_learning.LabelIssues]):
    """Rows of a split whose given label is probably wrong, by confident learning.

    Args:
        split: `train` or `test`. The model has seen the training rows, so these are judged by
            models trained without them.
    """

    split: str

    card = Card("label-issues", "Suspicious labels", paper="arxiv:1911.00068")
    value = confident_learning.LabelIssues

    def unseen(self) -> Artifact[PredictionsValue]:
        """Name the outputs for the split's rows by a model that did not train on them."""
        return CrossFittedPredictions() if self.split == "train" else Predictions(self.split)

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return (self.unseen(),)

    def cost(self, subject: Subject) -> float:
        return 0.1 * len(subject.dataset.split(self.split))

    def compute(
        self, subject: Subject, get: Get, progress: Progress
    ) -> confident_learning.LabelIssues:
        labels, is_ordinal = (
            subject.dataset.split(self.split).y,
            subject.dataset.task == Task.ORDINAL,
        )
        return confident_learning.find_label_issues(
            get(self.unseen()).probabilities, labels, is_ordinal=is_ordinal
        )
