from torch import Tensor

from roadworthy.core.adaptive import InputStep
from roadworthy.core.errors import InputError


def bit_depth(bits: int) -> InputStep:
    """Keep that many bits per channel."""
    if not 1 <= bits <= 8:
        raise InputError(f"feature squeezing keeps 1 to 8 bits per channel, not {bits}")
    return InputStep(f"bits-{bits}", lambda x: squeezed(x, bits))


def squeezed(x: Tensor, bits: int) -> Tensor:
    """Round images (N, C, H, W) to 2^bits levels from 0 to 1."""
    last = 2**bits - 1
    return (x * last).round() / last
