"""KNN-Shapley: what each row of a training set is worth to the labels of other rows."""

import torch
from torch import Tensor

NUMBERS = 2**22  # distances at a time: a block takes some 100 MB


def knn_shapley(
    x: Tensor,
    y: Tensor,
    asked: Tensor,
    answers: Tensor,
    *,
    neighbors: int = 5,
    unit: Tensor | None = None,
    asked_unit: Tensor | None = None,
) -> Tensor:
    """Give the Shapley value (N,) of rows for a nearest-neighbor classifier, a mean over `asked`.

    A set of rows is worth, to a row that is asked, the share of the K votes that its K nearest rows
    of the set give the right answer; fewer than K rows leave votes out. The Shapley value is what a
    row adds to that on average, over all orders in which the rows may come. Sorted by distance it
    has an exact recursion, so that it takes N log N steps per row asked. The values sum to what all
    rows are worth. A label that others around it contradict takes votes away and is worth little
    or less than nothing; a row that is far from all that is asked is worth nothing either way.

    Source: Jia et al. 2019, arXiv:1908.08619, theorem 1.
    Differs from the paper: there may be fewer rows than K; rows may have no vote, see `unit`.

    Args:
        x: (N, E) rows, on a scale on which distances mean something.
        y: (N,) their classes.
        asked: (M, E) rows whose labels are to be told.
        answers: (M,) their classes.
        neighbors: K, how many vote.
        unit: (N,) numbers of what rows belong to; a row has no vote on one of its own unit.
        asked_unit: (M,) the same of the rows asked; given with `unit`.

    Raises:
        ValueError: an argument is not as above.
    """
    if len(x) == 0 or len(asked) == 0 or x.shape[1:] != asked.shape[1:] or neighbors < 1:
        shapes = f"{tuple(x.shape)} and {tuple(asked.shape)}"
        raise ValueError(f"it takes rows of one width and at least one neighbor, not {shapes}")
    total = torch.zeros(len(x), dtype=torch.double, device=x.device)
    places = torch.arange(1, len(x) + 1, device=x.device, dtype=torch.double)
    chance = places.clamp_max(neighbors) / (neighbors * places)  # min(K, i) / (K i)
    block = max(1, NUMBERS // len(x))
    for start in range(0, len(asked), block):
        rows = slice(start, start + block)
        distance = torch.cdist(asked[rows], x)
        is_right = y == answers[rows, None]
        if unit is not None and asked_unit is not None:
            is_own = unit == asked_unit[rows, None]
            distance.masked_fill_(is_own, torch.inf)
            is_right &= ~is_own  # last and never right: worth nothing, and changes no other
        order = distance.argsort(dim=1, stable=True)
        right = is_right.gather(1, order).double()
        right[:, :-1] -= right[:, 1:].clone()
        # s(i) = s(i + 1) + (right(i) - right(i + 1)) min(K, i) / (K i), from the farthest on
        value = (right * chance).flip(1).cumsum(1).flip(1)
        total += torch.empty_like(value).scatter_(1, order, value).sum(0)
    return total / len(asked)
