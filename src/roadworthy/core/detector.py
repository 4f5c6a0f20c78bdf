from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.estimates import Measure, auc
from roadworthy.core.guard import Learned
from roadworthy.core.model import Model


@dataclass(frozen=True)
class Detector(ABC):
    """Says how suspicious inputs are; its fields are its settings.

    It answers no class and stops no input. What its scores are worth is measured on inputs that
    were made without knowing of it, so an attacker who does can only do better.
    """

    card: ClassVar[Card]
    kinds: ClassVar[frozenset[str]] = frozenset({"image", "tabular"})

    def learn(self, model: Model, rows: Split) -> Learned:
        """Learn what the scores need, from training rows; nothing by default.

        Raises:
            InputError: the settings or the model do not suit it.
        """
        return {}

    @abstractmethod
    def scores(self, model: Model, learned: Learned, x: Tensor) -> Tensor:
        """Say how suspicious inputs (N, …) are: (N,), higher is more so.

        It is differentiable where the model is, so that an attack can take it into account.
        """


def roc(clean: Tensor, adversarial: Tensor) -> Measure:
    """Estimate the area under the ROC curve from scores (N,) and (M,), with DeLong's interval.

    It is the chance that an adversarial input has a higher score than a clean one.

    Raises:
        NotAssessed: there are fewer than two of either.
    """
    above, below = (scores.detach().cpu().numpy() for scores in (adversarial, clean))
    return auc("area under the ROC curve", above, below)
