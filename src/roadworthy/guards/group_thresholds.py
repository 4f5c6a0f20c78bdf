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

MOST_GROUPS = 10
LEAST_ROWS = 20  # of a group, for a threshold of its own
GRID = 99  # rates that are tried
RATES = ("true-positive-rate", "false-positive-rate", "selection-rate")


@dataclass(frozen=True)
class GroupThresholds(Guard):
    """Group thresholds: each group has its own threshold, so that a rate is the same in all.

    Of two classes, the second is chosen where the model's log-odds exceed the threshold of the
    row's group. Of all values that the common rate can take, the one of the best accuracy is taken.
    It needs the attribute when it answers, which the law forbids in places, and it treats equal
    scores of different groups differently: that is what it is for. The thresholds come from rows
    that were left out of the training.

    Source: Hardt, Price and Srebro 2016, arXiv:1610.02413, section 4.
    Differs from the paper: one rate is made equal, not two, so no answer has to be drawn at random.

    Args:
        attribute: a sensitive column that is also a feature; empty takes the only one.
        rate: `true-positive-rate`, `false-positive-rate` or `selection-rate`.
        folds: into how many parts the rows are cut; each costs a training.
    """

    attribute: str = ""
    rate: str = "true-positive-rate"
    folds: int = 4

    card = Card(
        "group-thresholds",
        "Thresholds per group",
        aliases=("equal-opportunity",),
        paper="arxiv:1610.02413",
        fixes=("RW-BIAS-001",),
        cost="minutes",
        safety="changes predictions",
    )
    kinds = frozenset({"tabular"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        if self.rate not in RATES:
            raise InputError(f"group-thresholds makes one of {', '.join(RATES)} equal")
        if len(data.classes) != 2:
            raise InputError(f"group-thresholds needs two classes; {data.name} has another number")
        place = self._place(data)
        seen = left_out(model, data, rows, self.folds, seed, progress)
        # of the rows in the order in which they were left out
        group = rows.x[seen.order, place]
        values = group.unique()
        if len(values) > MOST_GROUPS:
            raise InputError(
                f"{data.features[place].name} has {len(values)} values, too many for groups: name "
                "another --set attribute"
            )
        odds = seen.logits[:, 1] - seen.logits[:, 0]
        groups = [group == value for value in values]
        return {
            "place": torch.tensor(place),
            "values": values,
            "thresholds": equal_rates(odds.double(), seen.y, groups, self.rate),
        }

    def _place(self, data: Dataset) -> int:
        names = [feature.name for feature in data.features]
        sensitive = data.sensitive_features
        name = self.attribute or (sensitive[0] if len(sensitive) == 1 else "")
        if name not in sensitive:
            known = ", ".join(sensitive) or "none: pass --sensitive COLUMN"
            raise InputError(
                f"group-thresholds needs one sensitive attribute that is a feature ({known})"
            )
        return names.index(name)

    def wrap(self, model: Model, learned: Learned) -> Model:
        return Shifted(
            model, int(learned["place"]), learned["values"], learned["thresholds"], repr(self)
        )


def equal_rates(odds: Tensor, y: Tensor, groups: list[Tensor], rate: str) -> Tensor:
    """Find thresholds (G,) of log-odds that make a rate equal, at the best accuracy.

    Args:
        odds: (N,) log-odds of the second class.
        y: (N,) classes.
        groups: (N,) bool each; one of too few rows keeps the threshold 0.
        rate: one of `RATES`.
    """
    counts = {
        "true-positive-rate": y == 1,
        "false-positive-rate": y == 0,
        "selection-rate": torch.ones_like(y, dtype=torch.bool),
    }[rate]
    is_judged = [int((group & counts).sum()) >= LEAST_ROWS for group in groups]
    wanted = torch.arange(1, GRID + 1, dtype=odds.dtype) / (GRID + 1)
    thresholds = odds.new_zeros(len(groups), GRID)
    right = odds.new_zeros(GRID)
    for k, group in enumerate(groups):  # few, and each of another size
        if is_judged[k]:
            # the share of `counts` above the (1 - r) quantile is r
            thresholds[k] = odds[group & counts].quantile(1 - wanted)
        chosen = odds[group][:, None] > thresholds[k]
        right += (chosen == (y[group] == 1)[:, None]).sum(0)
    return thresholds[:, right.argmax()]


class Shifted(Behind):
    """Moves a model's logits so that each group is judged by its own threshold.

    Args:
        model: gives two logits.
        place: which feature tells the group.
        values: (G,) that it takes; any other value is judged by the model's own threshold.
        thresholds: (G,) of the log-odds.
        identity: the settings, for the fingerprint.
    """

    def __init__(
        self, model: Model, place: int, values: Tensor, thresholds: Tensor, identity: str
    ) -> None:
        super().__init__(model, f"{identity} {thresholds.tolist()}", GroupThresholds.card.name)
        self.place, self.identity = place, identity
        self.values, self.thresholds = values, thresholds

    def forward(self, x: Tensor) -> Tensor:
        is_group = x[:, self.place, None] == self.values.to(x)
        shift = (is_group * self.thresholds.to(x)).sum(1) / 2
        return self.model.forward(x) + torch.stack([shift, -shift], 1)

    def around(self, model: Model) -> "Shifted":
        return Shifted(model, self.place, self.values, self.thresholds, self.identity)
