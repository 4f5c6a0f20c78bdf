from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Model, Offer, require
from roadworthy.core.progress import Progress

STEPS = 32
BATCH = 64
FEWEST = 8  # numbers of an input that are ranked


@dataclass(frozen=True, eq=False)
class SaliencyValue:
    """What answers are made of, and how far scrambled weights say the same.

    Args:
        strength: (D,) mean absolute attribution of each number of the input, flattened.
        difference: (R,) output explained less that of the baseline.
        missed: (R,) by how much the attributions of a row fail to sum to that.
        alike: (S, R) rank correlation with the attributions of each scrambled model.
        alike_in_strength: (S, R) the same of absolute attributions.
    """

    strength: Tensor
    difference: Tensor
    missed: Tensor
    alike: Tensor
    alike_in_strength: Tensor


@dataclass(frozen=True)
class Saliency(Artifact[SaliencyValue]):
    """Integrated gradients of the model's answers, and of the same with scrambled weights.

    The baseline is the mean of the training rows, the integral a sum of 32 points. What never
    changes in the training rows is left out of the correlations.
    Source: Sundararajan, Taly, Yan 2017, arXiv:1703.01365; Adebayo et al. 2018, arXiv:1810.03292.

    Differs from the paper: weights are put in random order rather than drawn anew, all layers at
    once.

    Args:
        n: test rows, drawn at random.
        scrambles: models with scrambled weights.
    """

    n: int = 64
    scrambles: int = 8

    card = Card("saliency", "Integrated gradients", paper="arxiv:1703.01365")
    value = SaliencyValue

    def cost(self, subject: Subject) -> float:
        return 3 * STEPS * (1 + self.scrambles) * min(self.n, len(subject.dataset.test))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> SaliencyValue:
        require(subject.model, Offer.GRADIENTS)
        data, seed = subject.dataset, subject.seed_for(self)
        varies = (data.train.x.amax(0) > data.train.x.amin(0)).flatten()
        if varies.sum() < FEWEST:
            raise NotAssessed(
                f"{int(varies.sum())} numbers of the input vary: a ranking of fewer than {FEWEST} "
                "comes about by chance"
            )
        x = data.test.x[drawn_rows(subject, self.n)].to(subject.device)
        baseline = data.train.x.mean(0).to(subject.device)
        with torch.no_grad():
            outputs, nothing = subject.model(x), subject.model(baseline[None])
        # of a regression the one number there is
        classes = None if outputs.ndim == 1 else outputs.argmax(1)
        difference = _chosen(outputs, classes) - _chosen(nothing.expand_as(outputs), classes)
        own = integrated_gradients(subject.model, x, classes, baseline, STEPS).flatten(1)
        alike, strength = [], []
        for number in range(self.scrambles):
            model = subject.model.scrambled((seed + number) % 2**31)
            model.move(torch.device(subject.device))
            other = integrated_gradients(model, x, classes, baseline, STEPS).flatten(1)
            maps = (own.cpu()[:, varies], other.cpu()[:, varies])
            alike.append(rank_correlation(*maps))
            strength.append(rank_correlation(maps[0].abs(), maps[1].abs()))
            progress.advance((number + 1) / self.scrambles)
        return SaliencyValue(
            own.abs().mean(0).cpu(),
            difference.cpu(),
            (own.sum(1) - difference).cpu(),
            torch.stack(alike),
            torch.stack(strength),
        )


def integrated_gradients(
    model: Model, x: Tensor, classes: Tensor | None, baseline: Tensor, steps: int
) -> Tensor:
    """Share out an output, less that of a baseline, over the numbers of the input: (N, …).

    The shares of a row sum to that difference (completeness), up to the error of the sum that
    stands for the integral: equation 1 of Sundararajan et al. by the midpoint rule.

    Args:
        model: offers gradients.
        x: (N, …) inputs.
        classes: (N,) whose logit is shared out; None for regression.
        baseline: an input that says nothing, broadcastable to `x`.
        steps: points on the straight line from the baseline to the input.
    """
    total = torch.zeros_like(x)
    for step in range(steps):
        points = baseline + (step + 0.5) / steps * (x - baseline)
        total += _gradient(model, points, classes) / steps
    return (x - baseline) * total


def rank_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Give Spearman's correlation of each row of a and b (N, D): (N,), 0 where one is constant."""
    ranks = [stats.rankdata(part.double().numpy(), axis=1) for part in (a, b)]
    centered = [part - part.mean(1, keepdims=True) for part in ranks]
    norm = np.prod([np.linalg.norm(part, axis=1) for part in centered], axis=0)
    shared = (centered[0] * centered[1]).sum(1)
    return torch.from_numpy(np.divide(shared, norm, out=np.zeros_like(shared), where=norm > 0))


def _chosen(outputs: Tensor, classes: Tensor | None) -> Tensor:
    return outputs if classes is None else outputs.gather(1, classes[:, None])[:, 0]


def _gradient(model: Model, x: Tensor, classes: Tensor | None) -> Tensor:
    gradients = []
    labels = [None] * -(-len(x) // BATCH) if classes is None else classes.split(BATCH)
    for batch, label in zip(x.split(BATCH), labels, strict=True):
        points = batch.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(_chosen(model(points), label).sum(), points)
        gradients.append(gradient)
    return torch.cat(gradients)
