from dataclasses import dataclass

import numpy as np
import torch

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import InputError
from roadworthy.core.groups import named_groups
from roadworthy.core.progress import Progress
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class Reweighing(Strategy):
    """Reweighing: rows weigh so that group and class are independent in the training data.

    A group in which a class is rarer than it is overall gets more weight on its rows of that class.
    Groups are the combinations of all sensitive attributes. It narrows gaps of selection rates most
    and gaps of error rates often; it does not use the attribute when the model answers.

    Source: Kamiran and Calders 2012, doi:10.1007/s10115-011-0463-8, section 4.3.
    Differs from the paper: a group and class without rows gets none; weights are bounded.

    Args:
        most: largest weight of a row.
    """

    most: float = 10.0

    card = Card(
        "reweighing",
        "Reweighing of groups",
        aliases=("group-reweighing",),
        paper="doi:10.1007/s10115-011-0463-8",
        fixes=("RW-BIAS-001", "RW-BIAS-005"),
        safety="retrains",
    )
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        attributes = plan.data.roles.sensitive
        if not attributes:
            raise InputError("reweighing needs a sensitive attribute: pass --sensitive COLUMN")
        named = [named_groups(plan.rows.columns[name]) for name in attributes]
        group = np.unique(np.stack(named, 1), axis=0, return_inverse=True)[1].reshape(-1)
        y = plan.rows.y.numpy()
        counts = np.zeros((group.max() + 1, len(plan.data.classes)))
        np.add.at(counts, (group, y), 1)
        expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / len(y)
        weights = (expected / np.maximum(counts, 1))[group, y].clip(max=self.most)
        made = torch.from_numpy(weights / weights.mean()).float()
        return plan.set(self.card.name, weights=made)
