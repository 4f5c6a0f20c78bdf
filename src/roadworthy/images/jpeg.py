import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from roadworthy.core.adaptive import InputStep


def jpeg(quality: int) -> InputStep:
    """Compress images with that quality, from 1 to 95, and read them back."""
    return InputStep(f"jpeg-{quality}", lambda x: compressed(x, quality))


def compressed(x: Tensor, quality: int) -> Tensor:
    """Compress images (N, C, H, W) and read them back."""
    bytes_ = (x.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    # Pillow compresses image by image; one or three channels at a time
    images = [_round_trip(image, quality) for image in bytes_]
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
