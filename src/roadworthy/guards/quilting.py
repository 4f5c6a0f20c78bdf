from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import fold, pad, unfold

from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress

AT_ONCE = 1 << 24  # distances that are held at a time


@dataclass(frozen=True)
class Quilting(Guard):
    """Image quilting: images are put together anew from patches of training images.

    Each patch of the image is replaced by one of the training patches nearest to it. It claims that
    nothing of a change is left, as training images hold none. Small patches follow the change all
    the same: on photographs an attack that takes the identity's derivative in its place gets
    through. Where a patch is half of the image, as on digits of 8 × 8 pixels, such an attack is
    weak, and robustness measured by it is too high.

    Source: Guo et al. 2017, arXiv:1711.00117, section 4; broken by Athalye et al. 2018,
    arXiv:1802.00420.
    Differs from the paper: thousands of patches, not a million; where they overlap, they are
    averaged, not cut along the best seam; the model is not trained again on such images.

    Args:
        patch: height and width of a patch in pixels.
        overlap: pixels that neighboring patches share.
        patches: how many are drawn from training images.
        neighbors: the nearest ones, from which each is drawn at random; of 1 the nearest is taken.
    """

    patch: int = 4
    overlap: int = 2
    patches: int = 4000
    neighbors: int = 2

    card = Card(
        "quilting",
        "Image quilting",
        paper="arxiv:1711.00117",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        side = min(rows.x.shape[2:])
        if not 0 <= self.overlap < self.patch <= side:
            raise InputError(
                f"quilting takes patches of 1 to {side} pixels here that overlap by less than "
                f"that, not {self.patch} and {self.overlap}"
            )
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randint(len(rows), (self.patches,), generator=generator)
        windows = rows.x.unfold(2, self.patch, 1).unfold(3, self.patch, 1)
        top, left = (
            torch.randint(windows.shape[axis], (self.patches,), generator=generator)
            for axis in (2, 3)
        )
        return {"patches": windows[drawn, :, top, left].flatten(1)}

    def wrap(self, model: Model, learned: Learned) -> Model:
        patches = learned["patches"]
        if patches.ndim != 2 or not 1 <= self.neighbors <= len(patches):
            raise InputError(f"quilting cannot choose among {self.neighbors} of its patches")
        step = InputStep(
            f"quilting-{self.patch}",
            lambda x: self.quilted(x, patches.to(x)),
            is_random=self.neighbors > 1,
        )
        return Guarded(model, step)

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
