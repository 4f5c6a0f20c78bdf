from dataclasses import dataclass

from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress, piece
from roadworthy.training.answers import outputs_of
from roadworthy.training.loop import fit_plan
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class DefensiveDistillation(Strategy):
    """Defensive distillation: a network learns the soft answers of another of the same kind.

    A teacher is trained with logits divided by a temperature. The student learns the teacher's
    probabilities at that temperature, and answers without it, so that its logits are as many times
    larger. Claims that small gradients protect. They only vanish in rounding: attacks on the
    logits, such as Carlini and Wagner's or the margin loss of APGD, get through. Probabilities come
    out saturated, and say little of how sure an answer is.

    Source: Papernot et al. 2015, arXiv:1511.04508; broken by Carlini and Wagner 2016,
    arXiv:1608.04644.

    Args:
        temperature: that logits are divided by while training, above 1; in the paper 20 on MNIST.
    """

    temperature: float = 20.0

    card = Card(
        "defensive-distillation",
        "Defensive distillation",
        aliases=("dd", "distillation"),
        paper="arxiv:1511.04508",
        cost="minutes",
        safety="retrains",
    )
    kinds = KINDS
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not self.temperature > 1:
            raise InputError(f"distillation takes a temperature above 1, not {self.temperature}")
        hot = plan.set(self.card.name, objective=self.loss)
        with piece(progress, "Training the teacher", 0.0):
            teacher = fit_plan(hot.within("teacher", plan.seed + 1), progress)
        answers = (outputs_of(teacher, plan.rows.x) / self.temperature).softmax(1)
        return hot.set(self.card.name, soften=lambda target, rows: answers[rows])

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the cross-entropy of a batch at the temperature."""
        return batch.loss(network(batch.x) / self.temperature)
