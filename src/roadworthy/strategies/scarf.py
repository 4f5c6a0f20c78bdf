from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.networks.backbone import backbone_of
from roadworthy.strategies.self_supervision import (
    Pretext,
    SelfSupervision,
    all_rows,
    embedded,
    projector,
)
from roadworthy.training.plan import Batch, TrainPlan


@dataclass(frozen=True)
class SCARF(SelfSupervision):
    """SCARF: find the row of a table of which most columns were drawn anew.

    Of each row a fixed number of columns, chosen at random, take values from other rows, each
    column by itself; among all such rows of the batch the row has to find its own. What is left of
    a row tells it by how columns go together; where they are independent there is nothing to learn.

    Source: Bahri et al. 2022, arXiv:2106.15147, algorithm 1.
    Differs from the paper: the networks are the recipe's and one hidden layer on top of it; epochs
    are fixed, where the paper stops by a loss on rows held out.

    Args:
        epochs: of the pre-training.
        batch: rows per step of the pre-training.
        rate: learning rate at the start of the pre-training.
        corrupted: share of the columns that are drawn anew, rounded down, but one at least.
        temperature: that similarities are divided by.
        width: numbers of the projection.
    """

    rate: float = 1e-3
    corrupted: float = 0.6
    temperature: float = 1.0
    width: int = 64

    card = Card(
        "scarf",
        "Contrast with randomly corrupted rows",
        paper="arxiv:2106.15147",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"
    kinds = frozenset({"tabular"})

    def pretext(self, plan: TrainPlan) -> Pretext:
        if not 0 < self.corrupted < 1 or not self.temperature > 0 or self.width < 1:
            raise InputError(
                "scarf takes a share of columns between 0 and 1, a positive temperature and a "
                f"width of at least 1, not {self.corrupted}, {self.temperature} and {self.width}"
            )
        known = all_rows(plan).x
        columns = max(1, int(self.corrupted * known.shape[1]))

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            views = [batch.x, drawn_anew(batch.x, known.to(batch.x.device), columns)]
            row, other = map(batch.beside["projector"], embedded(network, views))
            return info_nce(row, other, self.temperature)

        def make(network: nn.Sequential) -> nn.Module:
            inputs = backbone_of(network).width
            return projector(inputs, inputs, self.width)

        return Pretext(objective, {"projector": make})


def drawn_anew(x: Tensor, known: Tensor, columns: int) -> Tensor:
    """Let so many columns of each row (N, D), drawn anew, take values of known rows (M, D)."""
    others = known.gather(0, torch.randint(len(known), x.shape, device=x.device))
    is_chosen = torch.rand_like(x).argsort(1) < columns
    return torch.where(is_chosen, others, x)


def info_nce(row: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Give the mean cross-entropy of finding each row's (N, D) own among the others (N, D)."""
    similarity = normalize(row) @ normalize(other).T / temperature
    return cross_entropy(similarity, torch.arange(len(row), device=row.device))
