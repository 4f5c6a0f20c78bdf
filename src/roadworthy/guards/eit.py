from dataclasses import dataclass

from roadworthy.core.adaptive import Guarded
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.images.transformations import Transformations


@dataclass(frozen=True)
class EIT(Transformations, Guard):
    """Ensemble of input transformations: several changes of the input, one after the other.

    Claims that steps which are random and not differentiable keep an attacker from following the
    model. Each step says of itself which of the two it is, so attacks differentiate what can be,
    take the identity's derivative around the rest and average over draws, which breaks it.

    Source: Guo et al. 2017, arXiv:1711.00117; broken by Athalye et al. 2018, arXiv:1802.00420.
    Differs from the paper: the model stays as it is, where the paper's was trained on transformed
    images: put `eit-training` beside it (`--defense eit-training,eit`). One draw is predicted, not
    the mean of many.

    Args:
        steps: in their order: `crop`, `bits`, `jpeg`, `tv` and `quilting`.
        side: share of the image's sides that `crop` keeps.
        bits: per channel, that `bits` keeps.
        quality: of `jpeg`.
        drop: probability that `tv` drops a pixel.
        weight: of the total variation in `tv`.
        patches: how many training patches `quilting` knows.
    """

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
        return self.drawn_patches(rows.x, seed)

    def wrap(self, model: Model, learned: Learned) -> Model:
        steps = self.in_order(model.spec.input_shape, learned)
        for step in reversed(steps):  # the last to be put on meets the input first
            model = Guarded(model, step)
        return model
