from dataclasses import dataclass

from roadworthy.core.adaptive import Guarded
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.images.quilts import Quilts


@dataclass(frozen=True)
class Quilting(Guard):
    """Image quilting: images are put together anew from patches of training images.

    Each patch of the image is replaced by one of the training patches nearest to it. It claims that
    nothing of a change is left, as training images hold none. Small patches follow the change all
    the same: on photographs an attack that takes the identity's derivative in its place gets
    through. Where a patch is half of the image, as on digits of 8 × 8 pixels, such an attack is
    weak, and robustness measured by it is too high.

    Source: Guo et al. 2017, arXiv:1711.00117, section 4; broken by Athalye et al. 2018,
    arXiv:1802.00420.
    Differs from the paper: thousands of patches, not a million; where they overlap, they are
    averaged, not cut along the best seam; the model is not trained again on such images.

    Args:
        patch: height and width of a patch in pixels.
        overlap: pixels that neighboring patches share.
        patches: how many are drawn from training images.
        neighbors: the nearest ones, from which each is drawn at random; of 1 the nearest is taken.
    """

    patch: int = 4
    overlap: int = 2
    patches: int = 4000
    neighbors: int = 2

    card = Card(
        "quilting",
        "Image quilting",
        paper="arxiv:1711.00117",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        return {"patches": self._quilts().drawn(rows.x, self.patches, seed)}

    def wrap(self, model: Model, learned: Learned) -> Model:
        return Guarded(model, self._quilts().step(learned["patches"]))

    def _quilts(self) -> Quilts:
        return Quilts(self.patch, self.overlap, self.neighbors)
