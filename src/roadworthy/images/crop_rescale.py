import torch
from torch import Tensor

from roadworthy.core.adaptive import InputStep
from roadworthy.core.errors import InputError
from roadworthy.images.resampling import bilinear


def crop_rescale(share: float, shape: tuple[int, ...]) -> InputStep:
    """Enlarge a random part of each image of a shape, with that share of its height and width."""
    if not 0 < share <= 1:
        raise InputError(f"crop-rescale keeps a share of the side up to 1, not {share}")
    return InputStep(
        f"crop-{share}",
        lambda x: cropped(x, share),
        is_differentiable=True,
        is_random=any(_kept(side, share) < side for side in shape[-2:]),
    )


def cropped(x: Tensor, share: float) -> Tensor:
    """Enlarge a random part of each image (N, C, H, W)."""
    row, column = (_places(x, axis, share) for axis in (2, 3))
    return bilinear(x, *torch.broadcast_tensors(row[:, :, None], column[:, None]))


def _kept(side: int, share: float) -> int:
    return max(1, round(side * share))


def _places(x: Tensor, axis: int, share: float) -> Tensor:
    """Draw a crop, and say where along the axis each new pixel is read from: (N, side)."""
    side = x.shape[axis]
    size = _kept(side, share)
    start = torch.randint(side - size + 1, (len(x), 1), device=x.device)
    new = torch.arange(side, dtype=x.dtype, device=x.device)
    return start + ((new + 0.5) * (size / side) - 0.5).clamp(0, size - 1)
