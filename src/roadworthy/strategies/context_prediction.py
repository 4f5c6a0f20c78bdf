import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.networks.backbone import backbone_of
from roadworthy.strategies.self_supervision import Pretext, SelfSupervision, embedded, projector
from roadworthy.training.plan import Batch, TrainPlan

# down and right from the middle patch, in reading order
PLACES = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
JITTER = 7 / 96  # of a patch's side, that it is moved by at most
TINY = 4  # pixels of a patch below which a move by one would be too much
NOISE = 0.01  # standard deviation of what takes the place of a dropped color


@dataclass(frozen=True)
class ContextPrediction(SelfSupervision):
    """Context prediction: say where a patch lay, of the eight places around another.

    Gaps between the patches and small random moves keep lines that run on from telling; of color
    images only one color is left, for lenses bend colors differently toward the edges, which would
    tell where a patch lay.

    Source: Doersch et al. 2015, arXiv:1505.05192, section 3.
    Differs from the paper: patches are a fifth of the image's side and enlarged to its size, for
    the networks take no other, where the paper's are 96 pixels of large photos; the two embeddings
    meet in one hidden layer; patches are not made coarse at random.

    Args:
        epochs: of the pre-training.
        batch: images per step of the pre-training.
        rate: learning rate at the start of the pre-training.
        gap: between patches, as a share of their side; in the paper about a half.
        width: of the layer where the two patches meet.
    """

    gap: float = 0.5
    width: int = 128

    card = Card(
        "context-prediction",
        "Context prediction",
        aliases=("relative-position",),
        paper="arxiv:1505.05192",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"
    kinds = frozenset({"image"})

    def pretext(self, plan: TrainPlan) -> Pretext:
        if self.gap < 0 or self.width < 1:
            raise InputError(
                "context-prediction takes a gap of at least 0 and a width of at least 1, not "
                f"{self.gap} and {self.width}"
            )
        grid = Grid.of(min(plan.rows.x.shape[2:]), self.gap)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            x, size = one_color(batch.x), batch.x.shape[2:]
            place = torch.randint(len(PLACES), (len(x),), device=x.device)
            pair = [interpolate(p, size, mode="bilinear") for p in grid.patches(x, place)]
            both = torch.cat(embedded(network, pair), 1)
            return cross_entropy(batch.beside["places"](both), place)

        def make(network: nn.Sequential) -> nn.Module:
            return projector(2 * backbone_of(network).width, self.width, len(PLACES))

        return Pretext(objective, {"places": make})


@dataclass(frozen=True)
class Grid:
    """Three by three patches.

    Args:
        side: pixels of a patch.
        step: pixels from a patch to the next, without moves.
        jitter: pixels that a patch is moved by at most.
    """

    side: int
    step: int
    jitter: int

    @classmethod
    def of(cls, pixels: int, gap: float) -> "Grid":
        """Find the largest patches that fit into so many pixels.

        Raises:
            InputError: not even patches of two pixels do.
        """
        for side in range(pixels // 3, 1, -1):
            jitter = 0 if side < TINY else math.ceil(side * JITTER)
            grid = cls(side, round(side * (1 + gap)), jitter)
            if grid.reach <= pixels:
                return grid
        raise InputError(
            "context-prediction needs images with room for three patches and the gaps between "
            f"them, and these have {pixels} pixels"
        )

    @property
    def reach(self) -> int:
        """Pixels along a side of the whole grid, with moves."""
        return 2 * self.step + self.side + 2 * self.jitter

    def patches(self, x: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """Cut a middle patch and the one at a place (N,) around it out of images (N, C, H, W)."""
        offset = torch.tensor(PLACES, device=x.device)[place] * self.step
        moved = torch.randint(-self.jitter, self.jitter + 1, offset.shape, device=x.device)
        room = torch.tensor(x.shape[2:], device=x.device) - self.reach + 1
        corner = (torch.rand(len(x), 2, device=x.device) * room).long()
        middle = corner + self.step + self.jitter
        return self._cut(x, middle), self._cut(x, middle + offset + moved)

    def _cut(self, x: Tensor, corner: Tensor) -> Tensor:
        along = torch.arange(self.side, device=x.device)
        image = torch.arange(len(x), device=x.device)[:, None, None]
        rows, columns = (corner[:, axis, None] + along for axis in range(2))
        return x[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def one_color(x: Tensor) -> Tensor:
    """Leave one color, chosen at random, of images (N, 3, H, W), and noise of the others."""
    if x.shape[1] != 3:
        return x
    kept = torch.randint(3, (len(x), 1), device=x.device)
    is_kept = kept == torch.arange(3, device=x.device)
    return torch.where(is_kept[:, :, None, None], x, 0.5 + NOISE * torch.randn_like(x))
