from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.artifacts.learner import refitted
from roadworthy.artifacts.predictions import outputs_on
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Offer, require
from roadworthy.core.progress import Progress

EPOCHS = 12  # as the built-in recipes take: what a training costs is not known before


@dataclass(frozen=True, eq=False)
class ShadowModelsValue:
    """How sure reference models are of the training rows, followed by the test rows.

    Args:
        confidence: (M, N) log-odds of the right class, one line per reference model.
        is_in: (M, N) whether the reference model was fitted on the row.
    """

    confidence: Tensor
    is_in: Tensor


@dataclass(frozen=True)
class ShadowModels(Artifact[ShadowModelsValue]):
    """The same training on random halves of the training and test rows together.

    Each row is in the half of exactly `models // 2` of them, as in Carlini et al. 2022,
    arXiv:2112.03570, so what a model says of a row it learned can be told from what it says of one
    that it did not.

    Args:
        models: how many reference models; at least 4.
    """

    models: int

    card = Card("shadow-models", "Shadow models", paper="arxiv:2112.03570", cost="minutes")
    value = ShadowModelsValue

    def cost(self, subject: Subject) -> float:
        rows = len(subject.dataset.train) + len(subject.dataset.test)
        return self.models * rows * (1 + 3 * EPOCHS / 2)  # a step is three passes, over half of it

    def compute(self, subject: Subject, get: Get, progress: Progress) -> ShadowModelsValue:
        require(subject.model, Offer.REFIT)
        train, test = subject.dataset.train, subject.dataset.test
        pool = Split.together(train.name, train, test)
        seed = subject.seed_for(self)
        is_in = balanced_halves(self.models, len(pool), seed)
        confidence = []
        for number, rows in enumerate(is_in):
            reference = refitted(subject, pool.take(rows), (seed + number) % 2**31)
            outputs = outputs_on(reference, pool.x, subject.device)
            if not outputs.isfinite().all():
                raise NotAssessed(
                    "a reference model gives NaN or infinite outputs: its training diverged"
                )
            confidence.append(log_odds(outputs, pool.y))
            progress.advance((number + 1) / self.models)
        return ShadowModelsValue(torch.stack(confidence), is_in)


def balanced_halves(models: int, rows: int, seed: int) -> Tensor:
    """Draw masks (M, N) of which exactly half are true in every column."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(models, rows, generator=generator).argsort(0) < models // 2


def log_odds(outputs: Tensor, y: Tensor) -> Tensor:
    """Give log(p / (1 - p)) of the right class (N,) from logits (N, K), in double precision.

    Taken from the logits: through the probabilities it is infinite where the model is very sure.
    """
    logits = outputs.double()
    own = logits.gather(1, y[:, None])[:, 0]
    rest = logits.scatter(1, y[:, None], -torch.inf).logsumexp(1)
    return own - rest
