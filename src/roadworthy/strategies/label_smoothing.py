from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class LabelSmoothing(Strategy):
    """Label smoothing: a share of each target's probability goes to the other classes.

    It keeps logits from growing without bound, which calibrates. The robustness that it shows
    against gradient attacks comes from small gradients: stronger attacks undo it.

    Source: Szegedy et al. 2015, arXiv:1512.00567, section 7; as a defense Warde-Farley and
    Goodfellow 2016, in: Perturbations, Optimization, and Statistics, MIT Press.

    Args:
        share: what goes to the other classes together.
    """

    share: float = 0.1

    card = Card(
        "label-smoothing",
        "Label smoothing",
        aliases=("smoothed-labels",),
        paper="arxiv:1512.00567",
        fixes=("RW-PERF-002",),
        safety="retrains",
    )
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        classes = len(plan.data.classes)
        if not 0 < self.share < 1 - 1 / classes:
            raise InputError(
                f"label smoothing of {classes} classes takes a share between 0 and "
                f"{1 - 1 / classes:.3g}, not {self.share}"
            )
        other = self.share / (classes - 1)
        return plan.set(
            self.card.name, soften=lambda target, rows: other + target * (1 - self.share - other)
        )
