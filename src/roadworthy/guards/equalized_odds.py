from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.core.streams import Streams
from roadworthy.guards.behind import Behind
from roadworthy.guards.left_out_rows import left_out

MOST_GROUPS = 20
LEAST_ROWS = 10  # of each class in a group, for thresholds of its own
CONSTRAINTS = {  # ours to fairlearn's
    "equalized-odds": "equalized_odds",
    "demographic-parity": "demographic_parity",
    "true-positive-rate-parity": "true_positive_rate_parity",
    "false-positive-rate-parity": "false_positive_rate_parity",
}


@dataclass(frozen=True)
class EqualizedOdds(Guard):
    """Equalized odds: thresholds per group, some of them by lot, make error rates the same in all.

    Groups are those of one sensitive attribute, or of several crossed. Of two classes, the second
    is chosen where the model's log-odds exceed a threshold, which for part of a group's rows is
    another one, or lets all or none through: that brings true and false positive rates together,
    where one threshold per group could make only one of them equal. Every group is brought down to
    what the model can do for the one it knows least of. It needs the attributes when it answers,
    which the law forbids in places, and it decides some cases by lot: both are to be weighed before
    it is used. A group of fewer than 10 rows of either class keeps the model's own threshold. The
    thresholds come from rows that were left out of the training. Needs the extra `fairness`.

    Source: Hardt, Price and Srebro 2016, arXiv:1610.02413, section 4, by fairlearn (Weerts et al.
    2023, JMLR 24). The lot: Cotter, Gupta and Narasimhan 2019, On Making Stochastic Classifiers
    Deterministic, NeurIPS, section 4.
    Differs from the paper: the lot is drawn from the row's own numbers, so that the same row is
    always answered alike. Whoever can change one of them draws again.

    Args:
        attributes: sensitive columns that are also features, crossed; empty takes all of them.
        constraint: what is made equal: `equalized-odds` (both error rates), `demographic-parity`
            (the selection rate), `true-positive-rate-parity` or `false-positive-rate-parity`.
        folds: into how many parts the rows are cut; each costs a training.
    """

    attributes: tuple[str, ...] = ()
    constraint: str = "equalized-odds"
    folds: int = 4

    card = Card(
        "equalized-odds",
        "Equal error rates by thresholds and lot",
        aliases=("threshold-optimizer",),
        paper="arxiv:1610.02413",
        fixes=("RW-BIAS-001",),
        cost="minutes",
        safety="changes predictions",
    )
    kinds = frozenset({"tabular"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        if self.constraint not in CONSTRAINTS:
            raise InputError(f"equalized-odds takes one of {', '.join(CONSTRAINTS)}")
        if len(data.classes) != 2:
            raise InputError(f"equalized-odds needs two classes; {data.name} has another number")
        _threshold_optimizer()  # before the trainings, which may take minutes
        places = self._places(data)
        seen = left_out(model, data, rows, self.folds, seed, progress)
        # of the rows in the order in which they were left out
        values, group = rows.x[seen.order][:, places].unique(dim=0, return_inverse=True)
        if len(values) > MOST_GROUPS:
            raise InputError(
                f"the sensitive attributes make {len(values)} groups, too many: name fewer of them "
                "by --set attributes"
            )
        odds = (seen.logits[:, 1] - seen.logits[:, 0]).double()
        thresholds, shares = lots(odds, seen.y, group, len(values), CONSTRAINTS[self.constraint])
        return {
            "places": torch.tensor(places),
            "values": values,
            "thresholds": thresholds,
            "shares": shares,
            "seed": torch.tensor(seed % 2**63),
        }

    def _places(self, data: Dataset) -> list[int]:
        names = [feature.name for feature in data.features]
        sensitive = data.sensitive_features
        chosen = self.attributes or sensitive
        if not chosen or set(chosen) - set(sensitive):
            known = ", ".join(sensitive) or "none: pass --sensitive COLUMN"
            raise InputError(
                f"equalized-odds needs sensitive attributes that are features ({known})"
            )
        return [names.index(name) for name in chosen]

    def wrap(self, model: Model, learned: Learned) -> Model:
        return ByLot(model, learned, repr(self))


def _threshold_optimizer() -> type:
    try:
        from fairlearn.postprocessing import ThresholdOptimizer
    except ImportError:
        raise MissingExtraError("equalized-odds", "fairness") from None
    return ThresholdOptimizer


class _Odds(BaseEstimator):
    """What fairlearn takes for a trained model: it gives the log-odds that it is given."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> "_Odds":
        return self

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        return x[:, 0]

    def __sklearn_is_fitted__(self) -> bool:
        return True


def lots(
    odds: Tensor, y: Tensor, group: Tensor, groups: int, constraint: str
) -> tuple[Tensor, Tensor]:
    """Find thresholds (G, 4) of log-odds in rising order, and the share of rows (G, 4) for each.

    Args:
        odds: (N,) log-odds of the second class.
        y: (N,) classes.
        group: (N,) from 0 to `groups` - 1; one of too few rows keeps the threshold 0.
        groups: how many there are.
        constraint: as fairlearn names it.

    Raises:
        InputError: fewer than two groups have enough rows.
        MissingExtraError: fairlearn is not installed.
    """
    count = (group * 2 + y).bincount(minlength=2 * groups).reshape(groups, 2)
    is_judged = count.amin(1) >= LEAST_ROWS
    if is_judged.sum() < 2:
        raise InputError(
            f"equalized-odds needs two groups with {LEAST_ROWS} rows of each class in the training "
            "split: name other --set attributes"
        )
    known = is_judged[group]
    optimizer = _threshold_optimizer()(
        estimator=_Odds(),
        constraints=constraint,
        prefit=True,
        predict_method="decision_function",
    )
    x, target, member = (each[known].numpy() for each in (odds[:, None], y, group))
    optimizer.fit(x, target, sensitive_features=member)
    thresholds, shares = odds.new_zeros(groups, 4), odds.new_zeros(groups, 4)
    shares[:, 0] = 1
    for value, rule in optimizer.interpolated_thresholder_.interpolation_dict.items():
        thresholds[int(value)], shares[int(value)] = _lot(rule)
    return thresholds, shares


def _lot(rule: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Give the thresholds (4,) among which a group's rows draw, rising, and their shares (4,)."""
    ignored, constant = rule.get("p_ignore", 0), rule.get("prediction_constant", 0)
    pairs = sorted(
        [
            (-np.inf, ignored * constant),
            (float(rule["operation0"].threshold), (1 - ignored) * rule["p0"]),
            (float(rule["operation1"].threshold), (1 - ignored) * rule["p1"]),
            (np.inf, ignored * (1 - constant)),
        ]
    )
    thresholds, shares = torch.tensor(pairs, dtype=torch.float64).T
    return thresholds, shares


class ByLot(Behind):
    """Moves a model's logits so that each row is judged by the threshold that it drew.

    Args:
        model: gives two logits.
        learned: `places` (A,) of the features that tell the group, `values` (G, A) that they take,
            `thresholds` (G, 4) and their `shares` (G, 4). Rows of other values are judged by 0.
        identity: the settings, for the fingerprint.
    """

    def __init__(self, model: Model, learned: Learned, identity: str) -> None:
        found = learned["thresholds"].tolist(), learned["shares"].tolist()
        super().__init__(model, f"{identity} {found}", EqualizedOdds.card.name)
        self.learned, self.identity = learned, identity

    def forward(self, x: Tensor) -> Tensor:
        logits = self.model.forward(x)
        odds, middle, threshold = logits[:, 1] - logits[:, 0], logits.mean(1), self._drawn(x)
        # a row that all or none of its kind pass with keeps how sure the model is
        sure = odds.abs().clamp_min(torch.finfo(odds.dtype).eps)
        judged = torch.where(threshold.isinf(), -threshold.sign() * sure, odds - threshold)
        return torch.stack([middle - judged / 2, middle + judged / 2], 1)

    def _drawn(self, x: Tensor) -> Tensor:
        """Give the threshold (N,) that each row draws, the same at each call."""
        places, values, thresholds, shares = (
            self.learned[name].to(x.device) for name in ("places", "values", "thresholds", "shares")
        )
        is_group = (x[:, None, places] == values.to(x)).all(2)
        group = is_group.int().argmax(1)
        number = Streams.of_inputs(int(self.learned["seed"]), x).uniform((), torch.float64)
        # the first threshold that the shares up to it reach; rounding must not go past the last
        place = (shares[group].cumsum(1) < number[:, None]).sum(1).clamp_max(3)
        drawn = thresholds[group].gather(1, place[:, None])[:, 0]
        return torch.where(is_group.any(1), drawn, 0.0).to(x.dtype)

    def around(self, model: Model) -> "ByLot":
        return ByLot(model, self.learned, self.identity)
