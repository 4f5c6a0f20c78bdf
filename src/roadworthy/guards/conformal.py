import math
from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.guards.behind import Behind
from roadworthy.guards.left_out_rows import left_out

SEEN = (
    "Its prediction sets were fitted on the rows that it was trained on, as it cannot be trained "
    "again: they hold the right class less often than they promise."
)


@dataclass(frozen=True)
class Conformal(Guard):
    """Conformal prediction: beside its choice, the model names a set that holds the right class.

    No answer changes; `guarded.wrapped.sets(x)` gives the sets. A set holds every class whose
    probability is above a threshold, which is chosen so that a share of 1 - alpha of rows that
    were left out of the training have their class in the set. For rows like those, the promise
    holds whatever the model; it is about all of them together, not about each kind. An empty set
    says that nothing fits, a large one that the model does not know.

    Source: Vovk, Gammerman and Shafer 2005, doi:10.1007/b106715; the sets of Sadinle, Lei and
    Wasserman 2019, arXiv:1609.00451; leaving out parts in turn, Vovk 2012, arXiv:1208.0806.
    Differs from the papers: one threshold for the model that is used, from models of fewer rows,
    so that the exact promise is 1 - 2 alpha and 1 - alpha what is met in practice.

    Args:
        alpha: share of rows whose set may miss the right class.
        folds: into how many parts the rows are cut; each costs a training.
    """

    alpha: float = 0.1
    folds: int = 4

    card = Card(
        "conformal",
        "Conformal prediction sets",
        aliases=("conformal-prediction", "prediction-sets"),
        paper="arxiv:1609.00451",
        cost="minutes",
        safety="safe",
    )

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        seen = left_out(model, data, rows, self.folds, seed, progress)
        own = self.suit(seen.logits).gather(1, seen.y[:, None])[:, 0]
        return {
            "least": torch.tensor(least_suit(own, self.alpha), dtype=torch.float64),
            "is_new": torch.tensor(seen.is_new),
        }

    def wrap(self, model: Model, learned: Learned) -> Model:
        least = float(learned["least"])
        if not 0 <= least <= 1:
            raise InputError(f"a set cannot hold the classes that suit by {least} and more")
        return WithSets(model, self, least, () if learned["is_new"] else (SEEN,))

    def suit(self, logits: Tensor) -> Tensor:
        """Say from 0 to 1 how well each class suits rows of logits (N, K): by its probability."""
        return logits.softmax(1).double()


def least_suit(own: Tensor, alpha: float) -> float:
    """Give the threshold that a new row's own class reaches with a chance of 1 - alpha.

    Args:
        own: (N,) how well the right classes suit rows that the model has not seen.
        alpha: share that may miss.

    Raises:
        InputError: alpha is no share.
    """
    if not 0 < alpha < 1:
        raise InputError(f"conformal takes an alpha between 0 and 1, not {alpha}")
    # of N + 1 exchangeable rows, the new one is as likely to have any rank
    rank = math.floor(alpha * (len(own) + 1))
    return float(own.double().sort().values[rank - 1]) if rank else 0.0


class WithSets(Behind):
    """Answers as the model does, and gives sets of classes.

    Args:
        model: answers.
        guard: says how well classes suit.
        least: how well a class of the set suits.
        notes: what the report should say of it.
    """

    def __init__(
        self, model: Model, guard: Conformal, least: float, notes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(model, f"{guard.card.name}-{least:.4g}", notes=notes)
        self.guard, self.least = guard, least

    def forward(self, x: Tensor) -> Tensor:
        return self.model.forward(x)

    @torch.no_grad()
    def sets(self, x: Tensor) -> Tensor:
        """Say of each class whether it is in the set of an input: (N, K) bool."""
        return self.guard.suit(self(x)) >= self.least

    def around(self, model: Model) -> "WithSets":
        return WithSets(model, self.guard, self.least)
