from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.guards.votes import Voting

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
        return Region(model, places, float(learned["radius"]))


def _right(model: Model, rows: Split) -> int:
    """Count the rows on which the model is right."""
    with torch.no_grad():
        choices = [model(x).argmax(1) for x in rows.x.split(BATCH)]
    return int((torch.cat(choices) == rows.y).sum())


class Region(Voting):
    """A model that votes on the points of a cube around each input, as far as it is in [0, 1].

    Args:
        model: votes.
        places: (M, …) where in the cube the points are, from 0 to 1 along each side.
        radius: half of the cube's side.
    """

    def __init__(self, model: Model, places: Tensor, radius: float) -> None:
        name = f"region-{len(places)}-{radius:.3g}"
        super().__init__(model, len(places), name, name, is_random=False)
        self.places, self.radius = places, radius

    def changed(self, x: Tensor, places: range) -> Tensor:
        low, high = ((x + side * self.radius).clamp(0, 1) for side in (-1, 1))
        chosen = self.places[places.start : places.stop, None].to(x)
        return low + chosen * (high - low)

    def count(self, outputs: Tensor) -> Tensor:
        return one_hot(outputs.argmax(2), outputs.shape[2]).sum(0)

    def around(self, model: Model) -> "Region":
        return Region(model, self.places, self.radius)
