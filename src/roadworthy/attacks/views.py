"""Gradients of a loss that is averaged over several views of an input."""

from collections.abc import Callable

import torch
from torch import Tensor

from roadworthy.core.model import Model


def mean_gradient(
    model: Model,
    x: Tensor,
    views: Callable[[Tensor], Tensor],
    loss: Callable[[Tensor], Tensor],
) -> Tensor:
    """Differentiate the loss, averaged over views, by the inputs: (N, …).

    All views go through the model in one pass.

    Args:
        model: is asked.
        x: (N, …).
        views: makes M views of each input, (N, …) to (M, N, …).
        loss: one number per sample, logits (N, K) to (N,).
    """
    x = x.detach().requires_grad_()
    seen = views(x)
    logits = model(seen.flatten(0, 1)).unflatten(0, seen.shape[:2])
    # a loop over views: the loss knows the samples' classes in their order
    total = torch.stack([loss(view).sum() for view in logits]).sum() / len(seen)
    (gradient,) = torch.autograd.grad(total, x)
    return gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
