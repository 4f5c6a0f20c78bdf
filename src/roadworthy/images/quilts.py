from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import fold, pad, unfold

from roadworthy.core.adaptive import InputStep
from roadworthy.core.errors import InputError

AT_ONCE = 1 << 24  # distances that are held at a time


@dataclass(frozen=True)
class Quilts:
    """Puts images together anew from patches of others.

    Args:
        patch: height and width of a patch in pixels.
        overlap: pixels that neighboring patches share.
        neighbors: the nearest ones, from which each is drawn at random; of 1 the nearest is taken.
    """

    patch: int = 4
    overlap: int = 2
    neighbors: int = 2

    def drawn(self, x: Tensor, count: int, seed: int) -> Tensor:
        """Draw patches (count, C · patch²) of images (N, C, H, W)."""
        side = min(x.shape[2:])
        if not 0 <= self.overlap < self.patch <= side:
            raise InputError(
                f"quilting takes patches of 1 to {side} pixels here that overlap by less than "
                f"that, not {self.patch} and {self.overlap}"
            )
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randint(len(x), (count,), generator=generator)
        windows = x.unfold(2, self.patch, 1).unfold(3, self.patch, 1)
        top, left = (
            torch.randint(windows.shape[axis], (count,), generator=generator) for axis in (2, 3)
        )
        return windows[drawn, :, top, left].flatten(1)

    def step(self, patches: Tensor) -> InputStep:
        """Give the step that puts images together from patches (M, C · patch²)."""
        if patches.ndim != 2 or not 1 <= self.neighbors <= len(patches):
            raise InputError(f"quilting cannot choose among {self.neighbors} of its patches")
        return InputStep(
            f"quilting-{self.patch}",
            lambda x: self.quilted(x, patches.to(x)),
            is_random=self.neighbors > 1,
        )

    def quilted(self, x: Tensor, patches: Tensor) -> Tensor:
        """Put images (N, C, H, W) together from patches (M, C · patch²)."""
        height, width = x.shape[2:]
        stride = self.patch - self.overlap
        down, right = (-(side - self.patch) % stride for side in (height, width))
        wide = pad(x, (0, right, 0, down), mode="replicate")
        seen = unfold(wide, self.patch, stride=stride).transpose(1, 2)
        some = max(1, AT_ONCE // (seen.shape[1] * len(patches)))
        # a loop over batches: all distances at once would take gigabytes
        chosen = torch.cat([self._chosen(part, patches) for part in seen.split(some)])
        new, count = (
            fold(part.transpose(1, 2), wide.shape[2:], self.patch, stride=stride)
            for part in (patches[chosen], torch.ones_like(seen[:1]))
        )
        return (new / count)[:, :, :height, :width]

    def _chosen(self, seen: Tensor, patches: Tensor) -> Tensor:
        """Draw, for patches (N, L, C · patch²), one of the nearest each: (N, L)."""
        near = torch.cdist(seen.flatten(0, 1), patches).topk(self.neighbors, largest=False).indices
        pick = torch.randint(self.neighbors, (len(near), 1), device=near.device)
        return near.gather(1, pick).reshape(seen.shape[:2])
