from collections.abc import Callable

import torch
from torch import Tensor

from roadworthy.core.attack import State, margin


def log_odds(state: State) -> Callable[[Tensor], Tensor]:
    """Give the log-odds against class y, which an attacker increases: logits (N, K) to (N,).

    The cross-entropy is their softplus, so both have gradients of one direction; that of the
    log-odds does not vanish where the model is sure of itself.
    """
    odds = odds_of(state.y)
    return lambda logits: -state.sign * odds(logits)


def odds_of(classes: Tensor) -> Callable[[Tensor], Tensor]:
    """Give the log-odds of classes (N,), which rise on the way to them: logits (N, K) to (N,)."""

    def loss(logits: Tensor) -> Tensor:
        own = logits.gather(1, classes[:, None])[:, 0]
        return own - logits.scatter(1, classes[:, None], float("-inf")).logsumexp(1)

    return loss


def lead(state: State, logits: Tensor) -> Tensor:
    """Give by how much the model is ahead of the attacker: (N,), negative where it was beaten.

    In an untargeted attack it is the margin of class y over the best other one.
    """
    return state.sign * margin(logits, state.y)


def toward_nearest(state: State, is_late: Tensor) -> Callable[[Tensor], Tensor]:
    """Give what a minimal attack increases: the log-odds first, minus the lead once it is late.

    The log-odds see every class and find the way; only the lead's gradient is that of the boundary
    where the model errs.

    Args:
        state: the samples.
        is_late: which of them are near the end, (N,) bool.
    """

    def loss(logits: Tensor) -> Tensor:
        return torch.where(is_late, -lead(state, logits), log_odds(state)(logits))

    return loss


def likeliest_wrong(logits: Tensor, y: Tensor) -> Tensor:
    """Give the most likely classes (N,) other than y, from logits (N, K)."""
    return logits.scatter(1, y[:, None], float("-inf")).argmax(1)


def likely_wrong(logits: Tensor, y: Tensor, rank: Tensor) -> Tensor:
    """Give the classes (N,) of ranks (N,) among those other than y, from 0: the most likely.

    With fewer classes than that it begins with the most likely one again.
    """
    rest = logits.scatter(1, y[:, None], float("-inf"))
    order = rest.argsort(1, descending=True)
    return order.gather(1, (rank % (logits.shape[1] - 1))[:, None])[:, 0]


def gap(aim: Tensor, own: Tensor) -> Callable[[Tensor], Tensor]:
    """Give by how much classes `aim` (N,) are ahead of classes `own`: logits (N, K) to (N,)."""
    pair = torch.stack([own, aim], 1)
    return lambda logits: logits.gather(1, pair).diff(dim=1)[:, 0]
