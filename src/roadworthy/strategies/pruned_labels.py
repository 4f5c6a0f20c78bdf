from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.confident_learning import find_label_issues
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.training.answers import outputs_of
from roadworthy.training.loop import fit_plan
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy

PRIME = 104_729  # between the seeds of folds


@dataclass(frozen=True)
class PrunedLabels(Strategy):
    """Pruned labels: rows whose label is probably wrong are left out of the training.

    Networks that did not train on a row say how probable its label is; confident learning says
    from that which labels to doubt. Hard rows are doubted too, so compare before and after.

    Source: Northcutt, Jiang and Chuang 2021, arXiv:1911.00068, section 3.

    Args:
        folds: networks trained beforehand, each without one part of the rows.
        rule: which labels to doubt: `off_diagonal`, `noise_rate` or, the most careful, `both`.
    """

    folds: int = 4
    rule: str = "both"

    card = Card(
        "pruned-labels",
        "Training without doubtful labels",
        aliases=("confident-learning",),
        paper="arxiv:1911.00068",
        fixes=("RW-DATA-005",),
        cost="minutes",
        safety="retrains",
    )
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if self.rule not in ("off_diagonal", "noise_rate", "both"):
            raise InputError(f"the rule is off_diagonal, noise_rate or both, not {self.rule!r}")
        if len(plan.rows) < 2 * self.folds:
            raise InputError(f"{len(plan.rows)} rows are too few for {self.folds} folds")
        probabilities = self._cross_fitted(plan, progress)
        is_issue = find_label_issues(probabilities, plan.rows.y, self.rule).is_issue
        return plan.keep(self.card.name, ~is_issue)

    def _cross_fitted(self, plan: TrainPlan, progress: Progress) -> Tensor:
        """Give the probabilities (M, K) of each row's classes by a network that did not see it."""
        generator = torch.Generator().manual_seed(plan.seed % 2**63)
        fold = torch.randperm(len(plan.rows), generator=generator) % self.folds
        found = torch.empty(len(plan.rows), len(plan.data.classes))
        for k in range(self.folds):  # each is a training of its own
            others = plan.keep(self.card.name, fold != k)
            network = fit_plan(others.within(f"fold-{k}", plan.seed + PRIME * (k + 1)), progress)
            found[fold == k] = outputs_of(network, plan.rows.x[fold == k]).softmax(1)
        return found
