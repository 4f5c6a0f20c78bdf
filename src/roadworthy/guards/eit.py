from dataclasses import dataclass

from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.guards.crop_rescale import CropRescale
from roadworthy.guards.feature_squeezing import FeatureSqueezing
from roadworthy.guards.jpeg import JPEG
from roadworthy.guards.quilting import Quilting
from roadworthy.guards.total_variation import TotalVariation


@dataclass(frozen=True)
class EIT(Guard):
    """Ensemble of input transformations: several changes of the input, one after the other.

    Claims that steps which are random and not differentiable keep an attacker from following the
    model. Each step says of itself which of the two it is, so attacks differentiate what can be,
    take the identity's derivative around the rest and average over draws, which breaks it.

    Source: Guo et al. 2017, arXiv:1711.00117; broken by Athalye et al. 2018, arXiv:1802.00420.
    Differs from the paper: the model is not trained again on transformed images, and one draw is
    predicted, not the mean of many.

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

    card = Card(
        "eit",
        "Ensemble of input transformations",
        aliases=("input-transformations",),
        paper="arxiv:1711.00117",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        learned: dict[str, Tensor] = {}
        for part in self._parts():
            learned |= part.learn(model, data, rows, seed, progress)
        return learned

    def wrap(self, model: Model, learned: Learned) -> Model:
        for part in reversed(self._parts()):  # the last to be put on meets the input first
            model = part.wrap(model, learned)
        return model

    def _parts(self) -> tuple[Guard, ...]:
        known: dict[str, Guard] = {
            "crop": CropRescale(self.side),
            "bits": FeatureSqueezing(self.bits),
            "jpeg": JPEG(self.quality),
            "tv": TotalVariation(self.drop, self.weight),
            "quilting": Quilting(patches=self.patches),
        }
        unknown = set(self.steps) - set(known)
        if unknown or not self.steps:
            wrong = min(unknown, default="none")
            raise InputError(f"eit takes steps among {', '.join(known)}, not {wrong!r}")
        return tuple(known[step] for step in self.steps)
