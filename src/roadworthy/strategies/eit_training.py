from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.progress import Progress
from roadworthy.images.transformations import Transformations
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class EITTraining(Transformations, Strategy):
    """Training for an ensemble of input transformations: images are changed as the guard does it.

    The guard `eit` costs a model accuracy that never saw images that were cropped, compressed or
    filled in. Trained on such images, drawn anew at each step, it gets most of that back. The two
    go together, with the same settings: `--defense eit-training,eit`. By itself it is an
    augmentation, and no defense against attacks.

    Source: Guo et al. 2017, arXiv:1711.00117, section 5.

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
        "eit-training",
        "Training on transformed images",
        aliases=("input-transformations-training",),
        paper="arxiv:1711.00117",
        cost="minutes",
        safety="retrains",
    )
    kinds = frozenset({"image"})

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        x = plan.rows.x
        steps = self.in_order(tuple(x.shape[1:]), self.drawn_patches(x, plan.seed))
        return plan.add(augment=tuple(step.apply for step in steps))
