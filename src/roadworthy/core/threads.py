from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

SMALL = 1024  # numbers per input, up to which more threads cost more than they save


@contextmanager
def threads_for(x: Tensor) -> Iterator[None]:
    """Use one thread for inputs (N, …) that are small, and leave it at torch's choice for others.

    On a busy machine threads that share little work wait for each other; and a result does not
    depend on how many cores the machine has.
    """
    before = torch.get_num_threads()
    if x[0].numel() <= SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
