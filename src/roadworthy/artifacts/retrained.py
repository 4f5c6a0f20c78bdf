from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.artifacts.learner import PASSES_PER_ROW, refitted
from roadworthy.artifacts.predictions import outputs_on
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Offer, require
from roadworthy.core.progress import Progress


@dataclass(frozen=True, eq=False)
class RetrainedValue:
    """What the same training says with other seeds.

    Args:
        outputs: (M, N, K) on the test rows, or (M, N) for regression; two lines where the first
            two do not differ, so that the seed plays no part.
    """

    outputs: Tensor


@dataclass(frozen=True)
class Retrained(Artifact[RetrainedValue]):
    """The same training on the same rows, with other seeds.

    Args:
        models: how many trainings.
    """

    models: int = 5

    card = Card("retrained", "Training with other seeds", paper="arxiv:2103.03098", cost="minutes")
    value = RetrainedValue

    def cost(self, subject: Subject) -> float:
        return self.models * PASSES_PER_ROW * len(subject.dataset.train)

    def compute(self, subject: Subject, get: Get, progress: Progress) -> RetrainedValue:
        require(subject.model, Offer.REFIT)
        seed = subject.seed_for(self)
        outputs: list[Tensor] = []
        for number in range(self.models):
            outputs.append(self._outputs(subject, (seed + number) % 2**31))
            progress.advance((number + 1) / self.models)
            if number == 1 and torch.equal(*outputs):
                break
        return RetrainedValue(torch.stack(outputs))

    def _outputs(self, subject: Subject, seed: int) -> Tensor:
        data = subject.dataset
        model = refitted(subject, data.train, seed)
        outputs = outputs_on(model, data.test.x, subject.device)
        if not outputs.isfinite().all():
            raise NotAssessed("with another seed the training diverges: its outputs are NaN")
        return outputs
