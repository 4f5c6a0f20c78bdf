from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from roadworthy.core.adaptive import InputStep
from roadworthy.core.errors import InputError
from roadworthy.images.bit_depth import bit_depth
from roadworthy.images.crop_rescale import crop_rescale
from roadworthy.images.jpeg import jpeg
from roadworthy.images.quilts import Quilts
from roadworthy.images.total_variation import total_variation


@dataclass(frozen=True)
class Transformations:
    """Several changes of images, one after the other: what a guard and a training share.

    Source: Guo et al. 2017, arXiv:1711.00117, section 4.

    Args:
        steps: in their order: `crop`, `bits`, `jpeg`, `tv` and `quilting`.
        side: share of the image's sides that `crop` keeps.
        bits: per channel, that `bits` keeps.
        quality: of `jpeg`.
        drop: probability that `tv` drops a pixel.
        weight: of the total variation in `tv`.
        patches: how many training patches `quilting` knows.
    """

    steps: tuple[str, ...] = ("crop", "bits", "jpeg", "tv")
    side: float = 0.9
    bits: int = 4
    quality: int = 85
    drop: float = 0.5
    weight: float = 0.03
    patches: int = 4000

    def drawn_patches(self, x: Tensor, seed: int) -> dict[str, Tensor]:
        """Draw what `quilting` needs from training images (N, C, H, W); nothing without it."""
        return (
            {"patches": Quilts().drawn(x, self.patches, seed)} if "quilting" in self.steps else {}
        )

    def in_order(
        self, shape: tuple[int, ...], drawn: Mapping[str, Tensor]
    ) -> tuple[InputStep, ...]:
        """Give the steps for images of a shape (C, H, W), with the patches that were drawn.

        Raises:
            InputError: a step is unknown, or its settings are wrong.
        """
        known: dict[str, Callable[[], InputStep]] = {
            "crop": lambda: crop_rescale(self.side, shape),
            "bits": lambda: bit_depth(self.bits),
            "jpeg": lambda: jpeg(self.quality),
            "tv": lambda: total_variation(self.drop, self.weight),
            "quilting": lambda: Quilts().step(drawn["patches"]),
        }
        unknown = set(self.steps) - set(known)
        if unknown or not self.steps:
            wrong = min(unknown, default="none")
            raise InputError(f"eit takes steps among {', '.join(known)}, not {wrong!r}")
        return tuple(known[step]() for step in self.steps)
