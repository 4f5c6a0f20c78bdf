import math
from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.guards.behind import Behind
from roadworthy.guards.left_out_rows import left_out

COLDEST, HOTTEST = 1e-3, 1e3
HALVINGS = 60
SEEN = (
    "Its temperature was fitted on the rows that it was trained on, as it cannot be trained again: "
    "there it is surer of itself than on new rows, so the temperature is too low."
)


@dataclass(frozen=True)
class Temperature(Guard):
    """Temperature scaling: logits are divided by one number, so that confidence holds.

    No choice changes. Rows that a model was trained on make it look surer than it is. So the same
    training is made again without a part of them, for each part in turn (cross-fitting), and the
    temperature is the one of the lowest log loss on rows that were left out. It is a little high,
    since models of fewer rows err a little more. Where a model cannot be trained again, the
    temperature is fitted on the rows as they are, and the model's notes say so.

    It is no defense against attacks, and hinders none: margins only change their unit.

    Source: Guo et al. 2017, arXiv:1706.04599, section 4.2.
    Differs from the paper: it has a validation set of its own.

    Args:
        folds: into how many parts the rows are cut; each costs a training.
    """

    folds: int = 4

    card = Card(
        "temperature",
        "Temperature scaling",
        aliases=("temperature-scaling",),
        paper="arxiv:1706.04599",
        fixes=("RW-PERF-002",),
        cost="minutes",
        safety="safe",
    )
    kinds = KINDS

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        seen = left_out(model, data, rows, self.folds, seed, progress)
        return {
            "temperature": torch.tensor(best_temperature(seen.logits, seen.y), dtype=torch.float64),
            "is_new": torch.tensor(seen.is_new),
        }

    def wrap(self, model: Model, learned: Learned) -> Model:
        temperature = float(learned["temperature"])
        if not COLDEST <= temperature <= HOTTEST:
            raise InputError(f"logits cannot be divided by a temperature of {temperature}")
        return Tempered(model, temperature, () if learned["is_new"] else (SEEN,))


def best_temperature(logits: Tensor, y: Tensor) -> float:
    """Find the temperature of the lowest log loss of logits (N, K) on classes (N,).

    The loss is convex in 1 / T, so its slope has one zero, which halving an interval finds.
    """
    logits = logits.double()
    # an answer of -inf has probability 0 at each temperature
    finite = logits.clamp_min(torch.finfo(torch.float32).min)

    def slope(cold: float) -> float:
        weight = (cold * logits).softmax(1)
        return float((weight * finite).sum(1).mean() - finite.gather(1, y[:, None]).mean())

    low, high = -math.log(HOTTEST), -math.log(COLDEST)  # of the logarithm of 1 / T
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(math.exp(middle)) > 0 else (middle, high)
    return min(max(math.exp(-(low + high) / 2), COLDEST), HOTTEST)


class Tempered(Behind):
    """Divides a model's logits by a number.

    Args:
        model: gives them.
        temperature: the number.
        notes: what the report should say of it.
    """

    def __init__(self, model: Model, temperature: float, notes: tuple[str, ...] = ()) -> None:
        name = f"temperature-{temperature:.4g}"
        super().__init__(model, name, name, notes)
        self.temperature = temperature

    def forward(self, x: Tensor) -> Tensor:
        return self.model.forward(x) / self.temperature

    def around(self, model: Model) -> "Tempered":
        return Tempered(model, self.temperature)
