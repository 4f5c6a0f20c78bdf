import torch
from torch import Tensor

from roadworthy.core.attack import State
from roadworthy.core.threat import Ball, Norm


def steepest(gradient: Tensor, norm: Norm, unit: Tensor) -> Tensor:
    """Give the step of length one unit that increases a linear function most: (N, …).

    Args:
        gradient: (N, …).
        norm: of the step; L0 has none, and takes that of L2.
        unit: one unit of each feature, shaped like an input; 0 where it cannot change.
    """
    if norm == "linf":
        return gradient.sign() * unit
    if norm == "l1":
        return _largest(gradient * unit) * unit
    return _unit_length(gradient * unit) * unit  # the gradient by the perturbation in units


def ascent(gradient: Tensor, state: State, threat: Ball, share: float) -> Tensor:
    """Give a step of length one unit that increases the loss in the ball's norm and box: (N, …).

    In L1 it goes along several features: the steepest step, along one, would soon meet the box.

    Args:
        gradient: (N, …).
        state: where the candidates are, and their box.
        threat: the ball.
        share: of the features that a step in L1 moves.
    """
    unit = threat.unit(state.x)
    if threat.norm == "l1":
        return sparse(inward(gradient, state), share, unit)
    return steepest(gradient, threat.norm, unit)


def inward(gradient: Tensor, state: State) -> Tensor:
    """Give a gradient (N, …) that is 0 where a step along it would leave the box."""
    is_up = (gradient > 0) & (state.x >= state.high)
    is_down = (gradient < 0) & (state.x <= state.low)
    return gradient.masked_fill(is_up | is_down, 0)


def sparse(gradient: Tensor, share: float, unit: Tensor) -> Tensor:
    """Give a step of L1 length one unit, spread evenly over the largest entries: (N, …).

    Source: Tramèr, Boneh 2019, arXiv:1904.13000, the attack SLIDE.
    """
    scaled = (gradient * unit).flatten(1)
    place = scaled.abs().topk(max(1, round(share * scaled.shape[1])), dim=1).indices
    signs = torch.zeros_like(scaled).scatter(1, place, scaled.gather(1, place).sign())
    count = signs.abs().sum(1, keepdim=True).clamp_min(1)
    return (signs / count).reshape(gradient.shape) * unit


def farthest_l1(gradient: Tensor, state: State, threat: Ball) -> Tensor:
    """Give the change of L1 length `eps` within the box that increases a linear function most.

    It takes the features in the order of their slopes, each as far as the box allows.
    """
    unit = threat.unit(state.x)
    scaled = (gradient * unit).flatten(1)
    room = torch.where(gradient > 0, state.high - state.origin, state.origin - state.low)
    room = torch.where(unit > 0, room / unit, torch.zeros_like(room)).flatten(1)
    room = room.clamp_max(threat.eps)  # a box without an end has no sum
    order = scaled.abs().argsort(dim=1, descending=True, stable=True)
    ordered = room.gather(1, order)
    left = threat.eps - (ordered.cumsum(1) - ordered)
    length = torch.minimum(ordered, left.clamp_min(0))
    delta = torch.zeros_like(scaled).scatter(1, order, length) * scaled.sign()
    return delta.reshape(gradient.shape) * unit


def farthest_l0(gradient: Tensor, state: State, threat: Ball) -> Tensor:
    """Give the change of at most `eps` features that increases a linear function most: (N, …).

    Each of them goes to an end of its range.
    """
    delta = torch.where(gradient > 0, state.high, state.low) - state.origin
    delta = delta * (threat.unit(state.x) > 0)
    gain = (gradient * delta).flatten(1)
    place = gain.topk(min(int(threat.eps), gain.shape[1]), dim=1).indices
    kept = torch.zeros_like(gain).scatter(1, place, 1.0)
    return delta * (kept * (gain > 0)).reshape(delta.shape)


def in_units(delta: Tensor, unit: Tensor) -> Tensor:
    """Give a change (N, …) in units of each feature: 0 where it cannot change."""
    return torch.where(unit > 0, delta / unit, torch.zeros_like(delta))


def dual_length(gradient: Tensor, norm: Norm, unit: Tensor) -> Tensor:
    """Give by how much the steepest step of one unit increases a linear function: (N,)."""
    flat = (gradient * unit).flatten(1)
    if norm == "linf":
        return flat.abs().sum(1)
    return flat.abs().amax(1) if norm == "l1" else flat.norm(dim=1)


def _largest(scaled: Tensor) -> Tensor:
    """Give the sign of the entry of largest size, and 0 elsewhere: (N, …)."""
    flat = scaled.flatten(1)
    place = flat.abs().argmax(1, keepdim=True)
    return torch.zeros_like(flat).scatter(1, place, flat.gather(1, place).sign()).reshape_as(scaled)


def _unit_length(scaled: Tensor) -> Tensor:
    flat, tiny = scaled.flatten(1), torch.finfo(scaled.dtype).tiny
    # by the largest entry first: the squares of a small gradient would vanish
    flat = flat / flat.abs().amax(1, keepdim=True).clamp_min(tiny)
    return (flat / flat.norm(dim=1, keepdim=True).clamp_min(tiny)).reshape(scaled.shape)
