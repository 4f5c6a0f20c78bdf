from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from roadworthy.core.card import Card
from roadworthy.core.dataset import Task
from roadworthy.core.progress import Progress
from roadworthy.training.plan import TrainPlan

SMALL_DATA = ("representation", "semi-supervised", "ordinal")  # what `all` compares
Purpose = Literal["defense", "representation", "semi-supervised", "transfer", "ordinal", "ranking"]
CLASSES = frozenset({Task.NOMINAL, Task.ORDINAL})


@dataclass(frozen=True)
class Strategy(ABC):
    """Changes how a network is trained, by changing the plan; its fields are its settings.

    Strategies compose as long as no two of them set the same part of the plan. The same plan gives
    the same plan: whatever is random draws from torch's generator while training.
    """

    card: ClassVar[Card]
    purpose: ClassVar[Purpose] = "defense"
    tasks: ClassVar[frozenset[Task]] = CLASSES
    kinds: ClassVar[frozenset[str]] = frozenset({"image", "tabular"})
    reads_logits: ClassVar[bool] = False  # needs outputs that are logits of the classes
    trainings: ClassVar[int] = 1  # one after the other, which share what may pass the network

    def prepared(self) -> "Strategy":
        """Give the strategy with what it starts from found and pinned; most start from nothing.

        Raises:
            InputError: what it starts from is not at hand, or is not what it was.
        """
        return self

    @abstractmethod
    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        """Give the changed plan; networks that it needs beforehand are trained here.

        Raises:
            InputError: another strategy has set the same part, or the settings do not suit the
                data.
        """
