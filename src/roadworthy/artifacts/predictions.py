from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress

BATCH = 512


@dataclass(frozen=True, eq=False)
class PredictionsValue:
    """What the model says of a split.

    Args:
        outputs: (N, K) logits, or (N,) numbers for regression.
    """

    outputs: Tensor

    @property
    def choice(self) -> Tensor:
        """(N,) the most likely class."""
        return self.outputs.argmax(1)

    @property
    def probabilities(self) -> Tensor:
        """(N, K) softmax of the logits, in double precision."""
        return self.outputs.double().softmax(1)

    @property
    def scores(self) -> Tensor:
        """(N,) what puts rows in order: the number, or the expected class."""
        if self.outputs.ndim == 1:
            return self.outputs.double()
        rank = torch.arange(self.outputs.shape[1], dtype=torch.float64)
        return self.probabilities @ rank

    def losses(self, y: Tensor) -> Tensor:
        """(N,) cross-entropy of classes y, or squared error of targets y."""
        if self.outputs.ndim == 1:
            return (self.outputs - y).square()
        return -self.outputs.double().log_softmax(1).gather(1, y[:, None])[:, 0]


@dataclass(frozen=True)
class Predictions(Artifact[PredictionsValue]):
    """The model's outputs on a split.

    Args:
        split: `train`, `test` or `production`.
    """

    split: str

    card = Card("predictions", "Predictions")
    value = PredictionsValue

    def cost(self, subject: Subject) -> float:
        return len(subject.dataset.split(self.split))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> PredictionsValue:
        outputs = outputs_on(subject.model, subject.dataset.split(self.split).x, subject.device)
        bad = int((~outputs.isfinite()).flatten(1 if outputs.ndim > 1 else 0).sum())
        if bad:
            raise InputError(
                f"the model gives NaN or infinite outputs on the {self.split} split ({bad} "
                "numbers): check its weights and the range of its inputs"
            )
        return PredictionsValue(outputs)


@torch.no_grad()
def outputs_on(model: Model, x: Tensor, device: str) -> Tensor:
    """Ask a model in batches: (N, K) logits, or (N,) numbers for regression, on the CPU.

    Args:
        model: computes on the device.
        x: (N, …) inputs.
        device: where the model is.
    """
    outputs = torch.cat([model(batch.to(device)).cpu() for batch in x.split(BATCH)])
    return outputs.reshape(len(x)) if model.spec.task == Task.REGRESSION else outputs
