from dataclasses import dataclass

from torch import nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.strategies.layers import below_top, rate_of, top_of
from roadworthy.training.plan import Rate, TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy


@dataclass(frozen=True)
class LPFT(Strategy):
    """Linear probing, then fine-tuning: the last layer learns alone, then all learn, slower.

    Fine-tuning below a random last layer bends the embedding to it, which costs accuracy on rows
    from elsewhere. Goes with a strategy that gives weights to start with.

    Source: Kumar et al. 2022, arXiv:2202.10054, section 4.
    Differs from the paper: both stages share one schedule, whose rate falls to 0 once, and the
    first is not trained to its end.

    Args:
        probe: share of the training in which the last layer learns alone.
        speed: what the rate is multiplied by as long as it learns alone.
        slow: what the rate is multiplied by when all learn.
    """

    probe: float = 0.5
    speed: float = 5.0
    slow: float = 0.1

    card = Card(
        "lp-ft",
        "Linear probing, then fine-tuning",
        paper="arxiv:2202.10054",
        safety="retrains",
    )
    purpose = "transfer"
    tasks = CLASSES | {Task.REGRESSION}
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not 0 < self.probe < 1 or not min(self.speed, self.slow) > 0:
            raise InputError(
                "lp-ft takes a share of probing between 0 and 1 and positive factors of the rate, "
                f"not {self.probe}, {self.speed} and {self.slow}"
            )
        return plan.set(self.card.name, rates=self.rates)

    def rates(self, network: nn.Sequential) -> tuple[Rate, ...]:
        """Let the last layer learn alone, then slow it down to what all learn at."""
        head = Rate(top_of(network), lambda done: self.speed if done < self.probe else self.slow)
        return (head, rate_of(below_top(network), self.slow, self.probe))
