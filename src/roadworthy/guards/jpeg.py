import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.card import Card
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model


@dataclass(frozen=True)
class JPEG(Guard):
    """JPEG compression: inputs are compressed and read back before the model sees them.

    Claims that the round trip removes small changes that a person would not see. It has no useful
    derivative, which is most of what it does against gradient attacks: an attack that takes the
    identity's derivative in its place, or that transfers, gets through.

    Source: Das et al. 2017, arXiv:1705.02900; broken by Athalye et al. 2018, arXiv:1802.00420.

    Args:
        quality: from 1, the most compressed, to 95.
    """

    quality: int = 50

    card = Card(
        "jpeg",
        "JPEG compression",
        aliases=("jpeg-compression",),
        paper="arxiv:1705.02900",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def wrap(self, model: Model, learned: Learned) -> Model:
        return Guarded(model, InputStep(f"jpeg-{self.quality}", self._compressed))

    def _compressed(self, x: Tensor) -> Tensor:
        bytes_ = (x.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        # Pillow compresses image by image; one or three channels at a time
        images = [_round_trip(image, self.quality) for image in bytes_]
        return torch.from_numpy(np.stack(images)).to(x) / 255


def _round_trip(image: np.ndarray, quality: int) -> np.ndarray:
    """Compress an image (C, H, W) of bytes and read it back; channels alone unless they are 3."""
    if len(image) != 3:
        return np.stack([_read_back(Image.fromarray(channel), quality) for channel in image])
    return _read_back(Image.fromarray(image.transpose(1, 2, 0)), quality).transpose(2, 0, 1)


def _read_back(image: Image.Image, quality: int) -> np.ndarray:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
