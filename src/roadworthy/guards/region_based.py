from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model, Offer
from roadworthy.core.progress import Progress

AT_ONCE = 4096  # inputs that the model sees at a time
BATCH = 128


@dataclass(frozen=True)
class RegionBased(Guard):
    """Region-based classification: the points of a cube around the input vote on the class.

    Claims that an adversarial input lies in a thin region, so most points around it are still
    classified as they should be. It stops attacks that stay near the boundary. One that looks for
    the class of a whole region gets through: votes have no derivative, and the model's mean
    probability over the same points takes their place.

    Source: Cao and Gong 2017, arXiv:1709.05583; gone around by the means of Athalye et al. 2018,
    arXiv:1802.00420.
    Differs from the paper: the points are drawn once, not for each input, so that answers do not
    change from call to call and an attack may know them; and there are 100 of them, not 1,000 to
    10,000, since each is a pass of the model. An answer is the logarithm of the vote shares, with
    one vote added for each class.

    Args:
        points: how many vote.
        largest: half of the cube's side is at most so long.
        step: by which it grows until accuracy on training rows falls.
        rows: how many training rows tell accuracy.
    """

    points: int = 100
    largest: float = 0.3
    step: float = 0.01
    rows: int = 200

    card = Card(
        "region-based",
        "Region-based classification",
        aliases=("RC", "region-based-classification", "regr.-based-classification"),
        paper="arxiv:1709.05583",
        fixes=("RW-ROB-001",),
        cost="minutes",
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        if self.points < 1 or not 0 < self.step <= self.largest:
            raise InputError(
                f"region-based takes at least one point and a step from 0 to {self.largest}, not "
                f"{self.points} and {self.step}"
            )
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
        some, learned = rows.take(order[: self.rows]), {"seed": torch.tensor(seed)}
        radius, least = 0.0, _right(model, some)
        for k in range(1, int(self.largest / self.step + 1e-9) + 1):
            wider = learned | {"radius": torch.tensor(k * self.step)}
            progress.advance(k * self.step / self.largest)
            if _right(self.wrap(model, wider), some) < least:
                break
            radius = k * self.step
        return learned | {"radius": torch.tensor(radius)}

    def wrap(self, model: Model, learned: Learned) -> Model:
        generator = torch.Generator().manual_seed(int(learned["seed"]))
        places = torch.rand(self.points, *model.spec.input_shape, generator=generator)
        return Voting(model, places, float(learned["radius"]))


def _right(model: Model, rows: Split) -> int:
    """Count the rows on which the model is right."""
    with torch.no_grad():
        choices = [model(x).argmax(1) for x in rows.x.split(BATCH)]
    return int((torch.cat(choices) == rows.y).sum())


class Voting(Model):
    """Lets a model vote on the points of a cube around each input, as far as it is in [0, 1].

    Args:
        model: votes.
        places: (M, …) where in the cube the points are, from 0 to 1 along each side.
        radius: half of the cube's side.
        has_gradients: the mean probability's derivative takes the place of the votes'.
    """

    def __init__(
        self, model: Model, places: Tensor, radius: float, *, has_gradients: bool = False
    ) -> None:
        spec, name = model.spec, f"region-{len(places)}-{radius:.3g}"
        around = (spec.offers | {Offer.GRADIENTS}, spec.obstacles)
        bare = (spec.offers - {Offer.GRADIENTS}, (*spec.obstacles, name))
        offers, obstacles = around if has_gradients else bare
        super().__init__(
            replace(
                spec,
                name=f"{name}, {spec.name}",
                offers=offers - {Offer.EMBEDDINGS},
                fingerprint=f"{name} {spec.fingerprint}",
                obstacles=obstacles,
            )
        )
        self.model, self.places, self.radius = model, places, radius
        self.has_gradients = has_gradients
        self.passes_per_call = len(places) * model.passes_per_call

    def forward(self, x: Tensor) -> Tensor:
        votes = x.new_zeros(len(x), self.spec.outputs)
        likely = votes
        # a loop over batches of points; their passes are made again on the way back, since what
        # hundreds of points leave behind would not fit into memory
        for places in self.places.to(x).split(max(1, AT_ONCE // max(1, len(x)))):
            if self.has_gradients and x.requires_grad:
                logits = checkpoint(self._answers, x, places, use_reentrant=False)
            else:
                logits = self._answers(x, places)
            votes = votes + torch.zeros_like(logits).scatter(2, logits.argmax(2, True), 1).sum(1)
            likely = likely + logits.softmax(2).sum(1)
        shares = ((votes + 1) / (len(self.places) + self.spec.outputs)).log().detach()
        if not self.has_gradients:
            return shares
        mean = (likely / len(self.places)).clamp_min(torch.finfo(x.dtype).tiny).log()
        return mean + (shares - mean).detach()

    def _answers(self, x: Tensor, places: Tensor) -> Tensor:
        """Give the logits (N, M, K) of points in the cubes around inputs (N, …)."""
        low, high = ((x + side * self.radius).clamp(0, 1)[:, None] for side in (-1, 1))
        points = low + places * (high - low)
        return self.model.forward(points.flatten(0, 1)).unflatten(0, points.shape[:2])

    def without_obstacles(self) -> Model | None:
        inner = self.model.without_obstacles() if self.model.spec.obstacles else self.model
        if inner is None or Offer.GRADIENTS not in inner.spec.offers:
            return None
        return Voting(inner, self.places, self.radius, has_gradients=True)

    def move(self, device: torch.device) -> None:
        self.model.move(device)
