from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress


@dataclass(frozen=True)
class Recipe(ABC):
    """A whole training, from rows to a model; its fields are its settings.

    The same recipe, rows and seed give the same weights. The model that it gives offers `REFIT`.
    """

    card: ClassVar[Card]
    tasks: ClassVar[frozenset[Task]]
    kinds: ClassVar[frozenset[str]]

    def prepared(self, *, may_download: bool = False) -> "Recipe":
        """Give the recipe with what it starts from found and pinned; most start from nothing.

        Args:
            may_download: whether it may come from the network: only where a person has just named
                it, never where a saved model does.

        Raises:
            InputError: what it starts from is not at hand, or is not what it was.
        """
        return self

    @abstractmethod
    def fit(self, data: Dataset, rows: Split, seed: int, progress: Progress) -> Model:
        """Train on some rows of a dataset, which says what the columns and classes are.

        Raises:
            InputError: the recipe does not know this task or kind of input.
        """
