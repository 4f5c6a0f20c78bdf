"""What is left of images for plain learners, distances and summaries."""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 16  # pixels: enough to see borders, markers and brightness


def coarse(x: Tensor, rows: int = SIDE, columns: int = SIDE) -> Tensor:
    """Average images (N, C, H, W) down to at most so many rows and columns of pixels."""
    return adaptive_avg_pool2d(x, (min(rows, x.shape[-2]), min(columns, x.shape[-1])))


def principal_axes(x: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Give the mean (D,) of rows (N, D), and the axes (A, D) along which they differ most."""
    center = x.mean(0)
    _, _, axes = torch.linalg.svd(x - center, full_matrices=False)
    return center, axes[:most]
