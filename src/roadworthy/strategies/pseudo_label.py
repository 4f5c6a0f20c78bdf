from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS
from roadworthy.core.progress import Progress
from roadworthy.strategies.consistency import straight_rise
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class PseudoLabel(Strategy):
    """Pseudo-labels: the likeliest class of a row without a target is taken for its target.

    The guess is made anew at every step, and its weight rises as the network gets better. This
    moves borders between classes to where few rows lie. Where the first guesses are wrong they
    are learned all the same: with few labels it gains little, and it can do harm.

    Source: Lee 2013, "Pseudo-Label: the simple and efficient semi-supervised learning method for
    deep neural networks", ICML workshop on challenges in representation learning.
    Differs from the paper: the weight rises by the share of the training that is done, not by the
    epoch; no dropout and no denoising autoencoder.

    Args:
        ratio: rows without targets per row with one.
        weight: of their loss in the end (alpha in the paper).
        start: share of the training before that weight rises from 0.
        end: share of the training when it is reached.
    """

    ratio: int = 8
    weight: float = 3.0
    start: float = 0.1
    end: float = 0.6

    card = Card(
        "pseudo-label",
        "Pseudo-labels",
        aliases=("pseudo-labels", "pseudo-labeling"),
        cost="minutes",
        safety="retrains",
    )
    purpose = "semi-supervised"
    kinds = KINDS
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        plan = plan.set(self.card.name, objective=self.loss, ratio=self.ratio)
        return plan.add(cost=float(self.ratio))

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch, and of its guesses."""
        weight = self.weight * straight_rise(batch.progress, self.start, self.end)
        logits = network(batch.unlabelled)
        return batch.loss(network(batch.x)) + weight * cross_entropy(logits, logits.argmax(1))
