"""Training by the order of rows within a query, for losses that compare them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from roadworthy.core.dataset import Task
from roadworthy.networks import Part
from roadworthy.networks.heads.score import Score
from roadworthy.training.plan import Batch, Order, TrainPlan

# scores (N,), relevances (N,), weights (N,) and which rows are of one query (N, N), to a number
RankingLoss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def ranking_plan(plan: TrainPlan, writer: str, loss: RankingLoss) -> TrainPlan:
    """Let a network learn a score by the order of rows.

    A query is what has one value in the group column; without one all rows are of one query. Where
    there are queries, those of a step stay together, but for the first and the last, which may be
    cut. All pairs of a step's rows of one query are compared. The relevance of a row is the number
    of its class, or how far its target is above the least one, in standard deviations.

    The score itself is what a model of a regression task gives. Of classes, thresholds on the score
    make them, which learn beside it by likelihood and leave it alone.
    """
    has_classes = plan.data.task != Task.REGRESSION
    query, classes = queries(plan), len(plan.data.classes)
    least = 0.0 if has_classes else least_target(plan)

    def objective(network: nn.Module, batch: Batch) -> Tensor:
        scores = network(batch.x)
        here = query[batch.rows].to(scores.device)
        weights = torch.ones_like(scores[:, 0]) if batch.weights is None else batch.weights
        relevance = relevances(batch.targets, classes) - least
        found = loss(scores[:, 0], relevance, weights, here[:, None] == here)
        return found + batch.loss(scores.detach()) if has_classes else found

    settings = {"classes": classes} if has_classes else {}
    head = Part("scored-classes" if has_classes else "score", settings)
    changed = plan.with_head(writer, 1, head).set(writer, objective=objective)
    if plan.data.roles.group is None:
        return changed
    return changed.set(writer, order=queries_together(query))


def queries(plan: TrainPlan) -> Tensor:
    """Number the queries of the rows that are trained on: (M,)."""
    column = plan.data.roles.group
    if column is None:
        return torch.zeros(len(plan.rows), dtype=torch.int64)
    names = plan.rows.columns[column].astype(str)
    return torch.from_numpy(np.unique(names, return_inverse=True)[1])


def queries_together(query: Tensor) -> Order:
    """Make an order in which rows of a query (M,) follow each other, queries coming at random."""

    def order(rows: Tensor) -> Tensor:
        place = torch.arange(len(rows))
        first = torch.full((int(query.max()) + 1,), len(rows))
        first = first.scatter_reduce(0, query[rows], place, "amin")
        return rows[first[query[rows]].argsort(stable=True)]

    return order


def relevances(targets: Tensor, classes: int) -> Tensor:
    """Give the relevance (N,) of targets: numbers (N, 1), classes (N,) or probabilities (N, K)."""
    if targets.ndim == 1:
        return targets.float()
    if classes:
        return targets @ torch.arange(classes, dtype=targets.dtype, device=targets.device)
    return targets[:, 0]


def least_target(plan: TrainPlan) -> float:
    """Give the least of the targets that are trained on, standardized as the head does it."""
    y = plan.rows.y
    head = Score()
    head.measure(y)
    return float(head.targets(y).min()) if len(y) else 0.0


def pair_mean(losses: Tensor, relevance: Tensor, weights: Tensor, is_one_query: Tensor) -> Tensor:
    """Give the mean of losses (N, N) over pairs of which the first is the more relevant one."""
    is_better = is_one_query & (relevance[:, None] > relevance)
    weight = weights[:, None] * weights * is_better
    return (weight * losses).sum() / weight.sum().clamp_min(1e-12)
