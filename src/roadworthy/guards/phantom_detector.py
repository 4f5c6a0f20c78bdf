from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from roadworthy.attacks.threats.phantom import FIGURES, Phantom
from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.detector import Detector
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Learned
from roadworthy.core.model import Model
from roadworthy.core.threads import threads_for
from roadworthy.images.resampling import bilinear
from roadworthy.networks.committee import Committee

SIDE = 16  # of a view, in pixels
AROUND = 2.5  # how much wider than the object the context is
HALF = 0.25  # of a window, as a share of the image's shorter side
PITCH = 0.2  # from one window to the next, as a share of height and width
REACH = 0.4  # how far from the middle phantoms and windows are, in the same shares
WIDTH = 16
BATCH = 64
RATE = 3e-3
KINDS = tuple(product(FIGURES, ("projection", "billboard")))


@dataclass(frozen=True)
class PhantomDetector(Detector):
    """GhostBusters: experts for light, context and surface say together whether an object is real.

    A window moves over the image, and each expert, a small convolutional network, sees one aspect
    of it: the light expert the brightest channel of each pixel, the context expert what is around
    the window but not what is in it, the surface expert the window in color. A further network
    combines their embeddings, and the most suspicious window is the image's score. They learn from
    places of training images with and without a phantom of our own simulation (`phantom` among the
    threats): projections and billboards of signs, persons and lane markings. It claims that real
    objects reflect light and hide what is behind them, and phantoms do not. It knows phantoms of
    the simulation; of others, and of small changes of every pixel, it promises nothing. In gray
    images light and surface are the same.

    Source: Nassi et al. 2020, doi:10.1145/3372297.3423359, GhostBusters.
    Differs from the paper: no depth expert, since optical flow takes a second frame; nothing finds
    objects first, so every window is judged; the context expert learns from the same places as the
    others, since rows do not say where their objects are and where none are; the combining network
    learns along with the experts.

    Args:
        weakest: least strength of the phantoms that it learns from, as a share of the strongest.
        images: how many training images it learns from, at most.
        epochs: how often it sees them, each time with other phantoms.
    """

    weakest: float = 0.5
    images: int = 2000
    epochs: int = 30

    card = Card(
        "phantom-detector",
        "Detection of phantoms by a committee of experts",
        aliases=("GhostBusters",),
        paper="doi:10.1145/3372297.3423359",
        cost="minutes",
    )
    kinds = frozenset({"image"})

    def learn(self, model: Model, rows: Split, seed: int = 0) -> Learned:
        if not 0 < self.weakest <= 1:
            raise InputError(f"the weakest phantom is above 0 and at most 1, not {self.weakest}")
        if rows.x.shape[1] not in (1, 3):
            raise InputError("phantom-detector takes gray or RGB images")
        x = rows.x[: self.images]
        with torch.random.fork_rng(devices=[]), threads_for(x):
            torch.manual_seed(seed % 2**63)
            committee = Committee(_channels(x), SIDE, WIDTH).to(x.device)
            self._fit(committee, x)
        return {name: weight.cpu() for name, weight in committee.state_dict().items()}

    def scores(self, model: Model, learned: Learned, x: Tensor) -> Tensor:
        with torch.device("meta"):  # the weights come next, and no random numbers are used
            committee = Committee(_channels(x), SIDE, WIDTH)
        weights = {name: weight.to(x.device) for name, weight in learned.items()}
        committee.load_state_dict(weights, assign=True)
        committee.requires_grad_(False)
        steps = torch.arange(-REACH, REACH + PITCH / 2, PITCH, device=x.device)
        places = torch.cartesian_prod(steps, steps).expand(len(x), -1, 2)  # (N, G, 2)
        return committee(views(x, places)).reshape(len(x), -1).amax(1)

    def _fit(self, committee: Committee, x: Tensor) -> None:
        """Minimize the cross-entropy of all experts and of the whole, by Adam."""
        adam = torch.optim.Adam(committee.parameters(), RATE)
        batches = [rows for _ in range(self.epochs) for rows in torch.randperm(len(x)).split(BATCH)]
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, len(batches))
        for k, rows in enumerate(batches):
            figure, mode = KINDS[k % len(KINDS)]
            shown, places = self._haunted(x[rows], Phantom(figure=figure, mode=mode))
            both = views(torch.cat([shown, x[rows]]), places.repeat(2, 1, 1))
            is_phantom = (torch.arange(2 * len(rows), device=x.device) < len(rows)).to(x)
            logits = committee.all_logits(both)
            loss = binary_cross_entropy_with_logits(logits, is_phantom[:, None].expand_as(logits))
            adam.zero_grad()
            loss.backward()
            adam.step()
            falling.step()

    def _haunted(self, x: Tensor, threat: Phantom) -> tuple[Tensor, Tensor]:
        """Put a phantom into each image, and a window (N, 1, 2) near to it."""
        low, _, high = threat.bounds(x)
        low = torch.cat([self.weakest * high[:1], low[1:]])
        theta = low + (high - low) * torch.rand(len(x), 4).to(x)
        beside = PITCH * (torch.rand(len(x), 2).to(x) - 0.5)
        return threat.render(x, theta), (theta[:, 1:3] + beside)[:, None]


def views(x: Tensor, places: Tensor) -> dict[str, Tensor]:
    """Give what each expert sees of windows in images: (N · G, channels, SIDE, SIDE) by its name.

    Args:
        x: images, (N, C, H, W).
        places: of G windows per image, as shares of height and width from its middle, (N, G, 2).
    """
    surface, around = window(x, places, HALF), window(x, places, AROUND * HALF)
    offset = (torch.arange(SIDE, device=x.device) - (SIDE - 1) / 2).abs() / (SIDE / 2)
    is_inside = torch.maximum(offset[:, None], offset[None]) * AROUND <= 1
    return {
        "light": surface.amax(1, keepdim=True),
        "context": around.masked_fill(is_inside, 0.0),
        "surface": surface,
    }


def window(x: Tensor, places: Tensor, half: float) -> Tensor:
    """Cut square windows out of images, black where they reach beyond: (N · G, C, SIDE, SIDE)."""
    height, width = x.shape[-2:]
    offset = (torch.arange(SIDE, device=x.device) - (SIDE - 1) / 2) / (SIDE / 2)
    steps = half * min(height, width) * offset.to(x)
    down, right = (places.to(x) * x.new_tensor([height, width])).unbind(2)
    row = (height - 1) / 2 + down[:, :, None, None] + steps[:, None]  # (N, G, SIDE, 1)
    column = (width - 1) / 2 + right[:, :, None, None] + steps
    row, column = torch.broadcast_tensors(row, column)
    # the windows of an image below each other are read in one piece
    cut = bilinear(x, row.flatten(1, 2), column.flatten(1, 2))  # (N, C, G · SIDE, SIDE)
    return cut.unflatten(2, (-1, SIDE)).transpose(1, 2).flatten(0, 1)


def _channels(x: Tensor) -> dict[str, int]:
    return {"light": 1, "context": x.shape[1], "surface": x.shape[1]}
