from dataclasses import dataclass

from torch import Tensor

from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.artifacts.image_corruptions import IMAGE_CORRUPTIONS
from roadworthy.artifacts.predictions import outputs_on
from roadworthy.artifacts.table_corruptions import TABLE_CORRUPTIONS
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset
from roadworthy.core.progress import Progress
from roadworthy.core.streams import Streams


@dataclass(frozen=True, eq=False)
class CorruptedPredictionsValue:
    """What the model says of corrupted inputs.

    Args:
        rows: (R,) rows of the test split.
        choice: (R,) the most likely class.
    """

    rows: Tensor
    choice: Tensor


@dataclass(frozen=True)
class CorruptedPredictions(Artifact[CorruptedPredictionsValue]):
    """The model's answers on test rows that were changed in an ordinary way.

    Args:
        corruption: one of those that suit the kind of input.
        severity: 1 to 5, or 0 for the rows as they are.
        n: at most this many test rows, drawn at random.
    """

    corruption: str
    severity: int
    n: int

    card = Card("corrupted-predictions", "Predictions under corruption")
    value = CorruptedPredictionsValue

    def cost(self, subject: Subject) -> float:
        return float(min(self.n, len(subject.dataset.test)))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> CorruptedPredictionsValue:
        rows = drawn_rows(subject, self.n)
        x = self.corrupt(subject.dataset, rows, subject.seed_for(self))
        outputs = outputs_on(subject.model, x, subject.device)
        return CorruptedPredictionsValue(rows, outputs.argmax(1))

    def corrupt(self, data: Dataset, rows: Tensor, seed: int) -> Tensor:
        """Give the corrupted test rows: (R, …); a row's noise does not depend on the others."""
        x, streams = data.test.x[rows], Streams.of(seed, rows)
        if self.severity == 0:
            return x
        if data.kind == "image":
            return IMAGE_CORRUPTIONS[self.corruption](x, self.severity, streams)
        return TABLE_CORRUPTIONS[self.corruption](x, self.severity, streams, data)


def corruptions_for(data: Dataset) -> tuple[str, ...]:
    """Name the corruptions that suit a dataset's inputs."""
    return tuple(IMAGE_CORRUPTIONS if data.kind == "image" else TABLE_CORRUPTIONS)
