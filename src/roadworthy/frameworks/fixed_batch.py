from collections.abc import Callable

import torch
from torch import Tensor


def in_batches(call: Callable[[Tensor], Tensor], x: Tensor, batch: int | None) -> Tensor:
    """Call with batches of a fixed size, the last one filled up with copies of its last row.

    Args:
        call: takes inputs (B, …) and gives outputs (B, …).
        x: inputs (N, …).
        batch: B; None where any size will do.
    """
    if batch is None:
        return call(x)
    padding = x[-1:].expand(-len(x) % batch, *x.shape[1:])
    batches = torch.cat([x, padding]).split(batch)
    return torch.cat([call(part) for part in batches])[: len(x)]
