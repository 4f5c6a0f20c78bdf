from dataclasses import dataclass, replace

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress, piece
from roadworthy.training.answers import outputs_of
from roadworthy.training.loop import fit_plan
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy

PRIME = 104_729  # between the seeds of rounds


@dataclass(frozen=True)
class SelfTraining(Strategy):
    """Self-training: a network labels the rows it is sure of, and the next one learns them too.

    Each round trains anew on the rows with targets and on what the round before was sure of, so
    that a guess can be taken back. A network that is sure and wrong repeats its mistakes, and tells
    nobody: compare with a training without it before its gain is believed.

    Source: Yarowsky 1995, doi:10.3115/981658.981684; started anew in each round as in
    Cascante-Bonilla et al. 2021, arXiv:2001.06001.

    Args:
        rounds: networks trained beforehand.
        threshold: least probability of a guess that is learned.
    """

    rounds: int = 3
    threshold: float = 0.95

    card = Card(
        "self-training",
        "Self-training",
        aliases=("self-labeling",),
        paper="doi:10.3115/981658.981684",
        cost="minutes",
        safety="retrains",
    )
    purpose = "semi-supervised"
    kinds = KINDS
    reads_logits = True

    @property
    def trainings(self) -> int:  # type: ignore[override]
        """The rounds, and the training itself."""
        return self.rounds + 1

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if self.rounds < 1:
            raise InputError(f"self-training takes at least one round, not {self.rounds}")
        grown, pool = plan, plan.pool(self.card.name)
        seen = plan.schedule.epochs * len(plan.rows)  # as many rows in each round
        for number in range(self.rounds):
            epochs = max(1, round(seen / len(grown.rows)))
            shorter = replace(grown, schedule=replace(plan.schedule, epochs=epochs))
            with piece(progress, f"Labeling, round {number + 1}", 0.0):
                seed = plan.seed + PRIME * (number + 1)
                network = fit_plan(shorter.within(f"round-{number}", seed), progress)
            probability, guess = outputs_of(network, pool.x).softmax(1).max(1)
            is_sure = probability >= self.threshold
            grown = plan.adopt(self.card.name, guess, is_sure.to(probability.dtype))
        return grown.add(spent=self.rounds * (round(plan.cost * seen) + len(pool)))
