"""What attacks on the parameters of a transformation share."""

import torch
from torch import Tensor

from roadworthy.attacks.losses import lead
from roadworthy.core.attack import State
from roadworthy.core.model import Model
from roadworthy.core.threat import Transformation


def leads(model: Model, state: State, theta: Tensor, threat: Transformation) -> Tensor:
    """Ask the model about several candidates per sample at once.

    Args:
        model: is asked, one pass per candidate.
        state: the samples.
        theta: their candidates, (N, K, P).
        threat: renders them.

    Returns:
        By how much the model is ahead of the attacker on each: (N, K).
    """
    n, k, _ = theta.shape
    each = state.take(torch.arange(n, device=theta.device).repeat_interleave(k))
    x, _ = threat.hold(each.origin, each.x, theta.flatten(0, 1), is_bounded=True)
    with torch.no_grad():
        logits = model(each.box(x))
    return lead(each, logits).reshape(n, k)


def drawn(state: State, threat: Transformation, count: int) -> Tensor:
    """Draw parameters evenly from all that is within reach: (N, count, P)."""
    low, high = threat.reach(state.origin)
    return low + (high - low) * state.streams.uniform((count, len(low)), state.x.dtype)


def strongest(theta: Tensor, state: State, threat: Transformation) -> Tensor:
    """Raise what makes a change large, such as a light's strength, to its highest: (N, …, P)."""
    _, high = threat.reach(state.origin)
    return torch.where(threat.is_sized(high), high, theta)


def by_theta(gradient: Tensor, state: State, threat: Transformation) -> Tensor:
    """Carry a gradient by the candidates (N, …) over to their parameters: (N, P)."""
    with torch.enable_grad():
        theta = state.theta.detach().requires_grad_()
        x = state.box(threat.render(state.origin, theta))
        (slope,) = torch.autograd.grad(x, theta, gradient)
    return slope
