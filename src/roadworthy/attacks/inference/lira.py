"""The likelihood-ratio attack on membership (LiRA): Carlini et al. 2022, arXiv:2112.03570.

Differs from the authors' code: where one variance is shared by all rows, it is the variance within
rows. Theirs is that of all confidences together, which holds the differences between rows too, and
its online branch takes that of the members for both sides.
"""

import torch
from torch import Tensor

FEW = 64  # below so many reference models the paper shares one variance among all rows


def online(confidence: Tensor, references: Tensor, is_in: Tensor) -> Tensor:
    """Score membership (N,) by how much likelier the confidence is if the row was trained on.

    Algorithm 1 of the paper.

    Args:
        confidence: (N,) the model's log-odds of the right class.
        references: (M, N) those of reference models.
        is_in: (M, N) whether a reference model was fitted on the row.
    """
    inside = torch.distributions.Normal(*_moments(references, is_in))
    outside = torch.distributions.Normal(*_moments(references, ~is_in))
    return inside.log_prob(confidence) - outside.log_prob(confidence)


def offline(confidence: Tensor, references: Tensor, is_in: Tensor) -> Tensor:
    """Score membership (N,) by how far the confidence is above that of models without the row.

    Section V-C of the paper; the arguments are those of `online`. The score is the z-value whose
    normal probability the paper takes: the order is the same, without ties where it rounds to 1.
    """
    mean, deviation = _moments(references, ~is_in)
    return (confidence - mean) / deviation


def _moments(references: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and standard deviation (N,) over the reference models in the mask (M, N)."""
    count = mask.sum(0)
    mean = (references * mask).sum(0) / count
    squares = ((references - mean).square() * mask).sum(0)
    freedom = count - 1
    if len(references) < FEW:
        squares, freedom = squares.sum().expand(len(mean)), freedom.sum()
    smallest = torch.finfo(references.dtype).eps  # references that agree exactly
    return mean, (squares / freedom).sqrt().clamp_min(smallest)
