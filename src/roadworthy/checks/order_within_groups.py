"""How well a model puts the rows of a group in order."""

import numpy as np

from roadworthy.artifacts.predictions import PredictionsValue
from roadworthy.artifacts.roles import clusters
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, mean
from roadworthy.core.ranking_measures import average_precision, kendall_tau, ndcg

FIRST = 10  # places that are looked at by NDCG


def order_within_groups(data: Dataset, outputs: PredictionsValue, seed: int) -> list[Measure]:
    """Estimate means over groups of Kendall's tau-b, NDCG and average precision, as far as defined.

    Numbers gain what they are above the least training target, classes 2^rank - 1; what is above
    the mean of its group is relevant. Nothing is given where fewer than two groups have an order.

    Raises:
        NotAssessed: no groups are named.
    """
    group = clusters(data, data.test)
    if group is None:
        raise NotAssessed(
            "the model gives scores of which only the order means anything, and it is not said "
            "within what: pass --group COLUMN"
        )
    y, scores = data.test.y.double().numpy(), outputs.scores.numpy()
    has_classes = data.task == Task.ORDINAL
    gains = y if has_classes else np.maximum(y - float(data.train.y.min()), 0)
    member = np.unique(group, return_inverse=True)[1]
    is_relevant = y > (np.bincount(member, y) / np.bincount(member))[member]
    by_name = {
        "Kendall's tau-b within groups": kendall_tau(group, y, scores),
        f"NDCG of the first {FIRST} within groups": ndcg(
            group, gains, scores, FIRST, "exponential" if has_classes else "linear"
        ),
        "average precision within groups": average_precision(group, is_relevant, scores),
    }
    has_order = np.isfinite(by_name["Kendall's tau-b within groups"])
    counted = {name: values[has_order & np.isfinite(values)] for name, values in by_name.items()}
    return [
        mean(f"mean {name}", values, seed=seed)
        for name, values in counted.items()
        if len(values) >= 2
    ]
