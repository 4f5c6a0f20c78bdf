from abc import abstractmethod
from dataclasses import dataclass, fields

from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.progress import Progress
from roadworthy.networks import Part
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class OrdinalHead(Strategy):
    """Lets a network end in the head for ordered classes that has its name and its fields."""

    purpose = "ordinal"
    tasks = frozenset({Task.ORDINAL})
    kinds = KINDS

    @abstractmethod
    def outputs(self, classes: int) -> int:
        """Say how many raw outputs the head takes for so many classes."""

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        classes, name = len(plan.data.classes), self.card.name
        settings = {part.name: _as_json(getattr(self, part.name)) for part in fields(self)}
        head = Part(name, {"classes": classes, **settings})
        return plan.with_head(name, self.outputs(classes), head)


def _as_json(value: object) -> object:
    """Give a setting as a bundle gives it back."""
    return list(value) if isinstance(value, tuple) else value
