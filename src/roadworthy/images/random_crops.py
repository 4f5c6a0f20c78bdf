"""Crops and changes of color that leave what an image (N, C, H, W) in [0, 1] shows.

Source: Chen et al. 2020, arXiv:2002.05709, section 3 and appendix A. Differs from the paper: images
are not mirrored, for of digits, text and road signs the mirror image is another thing; nor blurred,
for small ones have nothing finer to lose; hue stays; strengths are half of those there.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from roadworthy.core.shapes import per_sample

ASPECT = math.log(4 / 3)  # of a crop's sides, at most, either way
JITTER = 0.4  # how far brightness, contrast and saturation are changed
JITTERED = 0.8  # of the images
GRAY = 0.2  # of the images lose their color


def cropped(x: Tensor, least: float, most: float = 1.0) -> Tensor:
    """Enlarge a random part of each image, from `least` to `most` of its area, to the whole."""
    area = least + (most - least) * torch.rand(len(x), device=x.device)
    stretch = (ASPECT * (2 * torch.rand(len(x), device=x.device) - 1) / 2).exp()
    sides = torch.stack([area.sqrt() * stretch, area.sqrt() / stretch], 1).clamp_max(1)
    center = (1 - sides) * (2 * torch.rand(len(x), 2, device=x.device) - 1)
    matrix = torch.zeros(len(x), 2, 3, dtype=x.dtype, device=x.device)
    matrix[:, 0, 0], matrix[:, 1, 1] = sides[:, 0], sides[:, 1]
    matrix[:, :, 2] = center
    grid = affine_grid(matrix, list(x.shape), align_corners=False)
    return grid_sample(x, grid, padding_mode="border", align_corners=False)


def recolored(x: Tensor) -> Tensor:
    """Change brightness, contrast and, of color images, saturation; make some of them gray."""
    changed = x * _factor(x)
    changed = _away(changed, changed.mean((1, 2, 3), keepdim=True))
    if x.shape[1] == 3:
        changed = _away(changed, changed.mean(1, keepdim=True))
    is_changed = per_sample(torch.rand(len(x), device=x.device) < JITTERED, x)
    changed = torch.where(is_changed, changed.clamp(0, 1), x)
    is_gray = per_sample(torch.rand(len(x), device=x.device) < GRAY, x)
    return torch.where(is_gray, changed.mean(1, keepdim=True).expand_as(x), changed)


def _factor(x: Tensor) -> Tensor:
    return per_sample(1 + JITTER * (2 * torch.rand(len(x), device=x.device) - 1), x)


def _away(x: Tensor, middle: Tensor) -> Tensor:
    """Move values away from, or toward, a middle."""
    return middle + _factor(x) * (x - middle)
