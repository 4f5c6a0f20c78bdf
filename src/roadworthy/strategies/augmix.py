import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Beta, Dirichlet
from torch.nn.functional import affine_grid, grid_sample, one_hot

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.core.shapes import per_sample
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy

Operation = Callable[[Tensor, Tensor], Tensor]  # images and strengths (N,) in [0, 1] to images
LEVELS = 256  # of a byte


@dataclass(frozen=True)
class AugMix(Strategy):
    """AugMix: mixes of changed images must be answered as the image itself.

    Chains of small changes (turns, shears, shifts, coarser or stretched values) are mixed with
    each other and with the image; the Jensen-Shannon divergence of three answers is added to the
    loss. It helps against corruptions that it never saw; it is no defense against attacks.

    Source: Hendrycks et al. 2019, arXiv:1912.02781, section 3.
    Differs from the paper: images are changed as numbers, where the paper rounds to bytes after
    each change.

    Args:
        weight: of the divergence (lambda in the paper).
        severity: from 0 to 10, the largest strength of a change.
        width: chains that are mixed.
        depth: most changes in a chain; at least one.
        alpha: of the Dirichlet and Beta distributions that weights of the mix are drawn from.
    """

    weight: float = 12.0
    severity: float = 3.0
    width: int = 3
    depth: int = 3
    alpha: float = 1.0

    card = Card(
        "augmix",
        "AugMix",
        paper="arxiv:1912.02781",
        fixes=("RW-ROB-002",),
        safety="retrains",
    )
    kinds = frozenset({"image"})

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if min(self.width, self.depth) < 1 or self.alpha <= 0 or not 0 < self.severity <= 10:
            raise InputError(
                "augmix takes a width and depth of at least 1, a positive alpha and a severity up "
                f"to 10, not {self.width}, {self.depth}, {self.alpha} and {self.severity}"
            )

        def penalty(network: nn.Module, batch: Batch) -> Tensor:
            views = [batch.x, self.mixed(batch.x), self.mixed(batch.x)]
            logits = network(torch.cat(views)).reshape(3, len(batch.x), -1)
            return self.weight * jensen_shannon(logits.log_softmax(2)).mean()

        return plan.add(penalties=(penalty,))

    def mixed(self, x: Tensor, operations: tuple[Operation, ...] = ()) -> Tensor:
        """Mix images (N, C, H, W) with chains of changes of them."""
        operations = operations or OPERATIONS
        alpha = x.new_tensor(self.alpha)
        weights = Dirichlet(alpha.expand(self.width)).sample((len(x),))
        share = Beta(alpha, alpha).sample((len(x),))
        mix = torch.zeros_like(x)
        for weight in weights.T:  # chains are few, and each is a sequence
            mix = mix + per_sample(weight, x) * self._chain(x, operations)
        return x.lerp(mix, per_sample(share, x)).clamp(0, 1)

    def _chain(self, x: Tensor, operations: tuple[Operation, ...]) -> Tensor:
        """Give each image one to `depth` changes, drawn for it alone."""
        length = torch.randint(1, self.depth + 1, (len(x),), device=x.device)
        for place in range(self.depth):
            choice = torch.randint(len(operations), (len(x),), device=x.device)
            lowest = min(0.1, self.severity)
            level = lowest + (self.severity - lowest) * torch.rand(len(x), device=x.device)
            changed = x.clone()
            for number, operation in enumerate(operations):
                chosen = ((choice == number) & (place < length)).nonzero()[:, 0]
                if len(chosen):
                    changed[chosen] = operation(x[chosen], level[chosen].to(x.dtype) / 10)
            x = changed
        return x


def jensen_shannon(answers: Tensor) -> Tensor:
    """Give the divergence (N,) of several answers, log-probabilities (views, N, K)."""
    mean = answers.logsumexp(0) - math.log(len(answers))
    return (answers.exp() * (answers - mean)).sum(2).mean(0)


def _signed(strength: Tensor) -> Tensor:
    return strength * (torch.randint(0, 2, strength.shape, device=strength.device) * 2 - 1)


def _move(x: Tensor, matrix: Tensor) -> Tensor:
    """Take each pixel from where a matrix (N, 2, 3) says; 0 from outside."""
    grid = affine_grid(matrix, list(x.shape), align_corners=False)
    return grid_sample(x, grid, align_corners=False)


def _still(x: Tensor) -> Tensor:
    """Give the matrices (N, 2, 3) that leave pixels where they are."""
    return torch.eye(2, 3, dtype=x.dtype, device=x.device).repeat(len(x), 1, 1)


def rotate(x: Tensor, strength: Tensor) -> Tensor:
    """Turn by up to 30 degrees either way."""
    angle = _signed(strength) * math.radians(30)
    aspect = x.shape[2] / x.shape[3]  # the grid runs from -1 to 1 along both sides
    matrix = _still(x)
    matrix[:, 0, 0] = matrix[:, 1, 1] = angle.cos()
    matrix[:, 0, 1], matrix[:, 1, 0] = -angle.sin() * aspect, angle.sin() / aspect
    return _move(x, matrix)


def _entry(row: int, column: int, most: float) -> Operation:
    """Give the change that sets one entry of the matrix, to at most `most` either way."""

    def change(x: Tensor, strength: Tensor) -> Tensor:
        matrix = _still(x)
        matrix[:, row, column] = _signed(strength) * most
        return _move(x, matrix)

    return change


def posterize(x: Tensor, strength: Tensor) -> Tensor:
    """Keep 4 bits of each value, or fewer."""
    bits = 4 - (4 * strength).floor()
    coarse = per_sample(2 ** (8 - bits), x)
    return ((x * (LEVELS - 1)).round() / coarse).floor() * coarse / (LEVELS - 1)


def solarize(x: Tensor, strength: Tensor) -> Tensor:
    """Turn values around that are above a threshold, which strength lowers."""
    return torch.where(x >= per_sample(1 - strength, x), 1 - x, x)


def autocontrast(x: Tensor, strength: Tensor) -> Tensor:
    """Stretch each channel to all values; strength plays no part."""
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    return torch.where(high > low, (x - low) / (high - low).clamp_min(1e-6), x)


def equalize(x: Tensor, strength: Tensor) -> Tensor:
    """Make all values of a channel about as frequent; strength plays no part."""
    byte = (x * (LEVELS - 1)).round().long().flatten(2)
    below = one_hot(byte, LEVELS).sum(2).cumsum(2)  # pixels up to each value: (N, C, LEVELS)
    least = below.gather(2, byte.amin(2, keepdim=True))
    spread = byte.shape[2] - least
    even = ((below.gather(2, byte) - least) / spread.clamp_min(1)).to(x.dtype).reshape(x.shape)
    return torch.where(spread[..., None] > 0, even, x)


OPERATIONS: tuple[Operation, ...] = (
    autocontrast,
    equalize,
    posterize,
    rotate,
    solarize,
    _entry(0, 1, 0.3),  # shears
    _entry(1, 0, 0.3),
    _entry(0, 2, 2 / 3),  # shifts by a third of a side, which is 2 long
    _entry(1, 2, 2 / 3),
)
