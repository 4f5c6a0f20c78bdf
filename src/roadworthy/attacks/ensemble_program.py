"""The nearest input that a tree ensemble gives another class, as a mixed-integer program."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp
from torch import Tensor

from roadworthy.core.attack import State
from roadworthy.core.threat import Ball
from roadworthy.core.tree_ensemble import TreeEnsemble

# the solver's tolerance is 1e-6; a lead of so little of the largest score is beyond it
LEAD = 1e-5


def nearest(trees: TreeEnsemble, state: State, threat: Ball, seconds: float) -> Tensor:
    """Find for one sample (1, …) the nearest input of another class, or of the one to reach.

    Gives the input itself where there is none, or none was found in `seconds` per class.
    """
    y = int(state.y[0])
    pairs = [(y, k) for k in range(trees.scores.shape[1]) if k != y]
    cells = Cells(trees, state, threat)
    best, least = state.origin, float("inf")
    if state.is_targeted:  # class y must lead all others
        found = cells.solve([(k, y) for _, k in pairs], seconds)
        return best if found is None else found
    for pair in pairs:
        found = cells.solve([pair], seconds)
        if found is not None and (size := float(threat.distance(found - state.origin)[0])) < least:
            best, least = found, size
    return best


@dataclass(frozen=True, eq=False)
class Cells:
    """The program's parts that are the same for all classes.

    A variable p says for a feature and a threshold whether x is at most that; one for each leaf
    says whether x reaches it (whole numbers by themselves, once the p are); a last one bounds the
    changes where the norm is L-inf.

    Args:
        trees: the ensemble.
        state: one sample.
        threat: measures.
    """

    trees: TreeEnsemble
    state: State
    threat: Ball

    @cached_property
    def splits(self) -> np.ndarray:
        """(S, 2) features and thresholds in ascending order, each once."""
        inner = ~self.trees.is_leaf
        pairs = torch.stack([self.trees.feature[inner].float(), self.trees.threshold[inner]], 1)
        return np.unique(pairs.numpy(), axis=0)

    @cached_property
    def intervals(self) -> tuple[np.ndarray, ...]:
        """Each feature's intervals: feature, the p below and above (-1: none), entry, cost."""
        unit = self.threat.unit(self.state.origin).flatten().numpy().astype(np.float64)
        x, low, high = (
            part[0].flatten().numpy()
            for part in (self.state.origin, self.state.low, self.state.high)
        )
        features, below, above, entries = [], [], [], []
        owner = self.splits[:, 0].astype(int)
        for feature in np.unique(
            owner
        ):  # one feature's thresholds at a time: few, and of any number
            index = np.flatnonzero(owner == feature)
            ends = self.splits[index, 1].astype(np.float32)
            least = np.concatenate([[-np.inf], np.nextafter(ends, np.float32(np.inf))])
            most = np.concatenate([ends, [np.inf]])
            least, most = np.maximum(least, low[feature]), np.minimum(most, high[feature])
            entry = np.clip(x[feature], least, np.maximum(most, least))
            entries.append(np.where(least > most, np.nan, entry))
            features.append(np.full(len(index) + 1, feature))
            below.append(np.concatenate([[-1], index]))
            above.append(np.concatenate([index, [-1]]))
        feature, entry = np.concatenate(features), np.concatenate(entries).astype(np.float32)
        away = np.abs(entry.astype(np.float64) - x[feature])
        with np.errstate(divide="ignore", invalid="ignore"):
            cost = np.where(away == 0, 0.0, away / unit[feature])
        cost = np.where(np.isnan(entry), np.inf, cost)
        return feature, np.concatenate(below), np.concatenate(above), entry, cost

    @cached_property
    def costs(self) -> np.ndarray:
        """(I,) what being in each interval costs; the sum or maximum over features counts."""
        cost = self.intervals[4]
        if self.threat.norm == "l0":
            return np.where(np.isfinite(cost), cost > 0, np.inf)
        return cost**2 if self.threat.norm == "l2" else cost

    @cached_property
    def _membership(self) -> sparse.csr_array:
        """(I, V) rows that give 1 where x lies in the interval, up to the constant of the last."""
        _, below, above, _, _ = self.intervals
        rows = np.arange(len(below))
        has_above, has_below = above >= 0, below >= 0
        data = np.concatenate([np.ones(has_above.sum()), -np.ones(has_below.sum())])
        places = (
            np.concatenate([rows[has_above], rows[has_below]]),
            np.concatenate([above[has_above], below[has_below]]),
        )
        return sparse.csr_array((data, places), shape=(len(rows), self.variables))

    @property
    def variables(self) -> int:
        """How many the program has."""
        return len(self.splits) + len(self.trees.leaves) + 1

    @cached_property
    def _rules(self) -> list[LinearConstraint]:
        """Tie leaves to thresholds, and thresholds to each other."""
        trees, count, width = self.trees, len(self.splits), self.variables
        rules = []
        member, last = self._membership, (self.intervals[2] < 0).astype(float)
        is_open = np.isfinite(self.costs)
        # x lies in each interval or not: 0 to 1, and never in one that it cannot reach
        rules.append(LinearConstraint(member, -last, np.where(is_open, 1.0, 0.0) - last))
        path = trees.ancestors.numpy()
        column = {int(leaf): count + k for k, leaf in enumerate(trees.leaves)}
        place = {tuple(pair): k for k, pair in enumerate(self.splits)}
        rows, columns, data, upper = [], [], [], []
        roots = trees.roots.numpy()
        one = sparse.lil_array((len(roots), width))
        for k, leaf in enumerate(trees.leaves.numpy()):
            one[int(np.searchsorted(roots, path[k, 0])), column[int(leaf)]] = 1
        rules.append(LinearConstraint(one.tocsr(), 1, 1))
        below = {}
        for k, leaf in enumerate(trees.leaves.numpy()):
            for node in set(path[k]):
                below.setdefault(int(node), []).append(column[int(leaf)])
        for node in (~trees.is_leaf).nonzero()[:, 0].tolist():
            split = place[float(trees.feature[node]), float(trees.threshold[node])]
            for child, sign in ((int(trees.left[node]), -1), (int(trees.right[node]), 1)):
                row = len(upper)
                upper.append(0 if sign < 0 else 1)
                for leaf in below[child]:
                    rows.append(row), columns.append(leaf), data.append(1)
                rows.append(row), columns.append(split), data.append(sign)
        tie = sparse.csr_array((data, (rows, columns)), shape=(len(upper), width))
        rules.append(LinearConstraint(tie, -np.inf, upper))
        if self.threat.norm == "linf":
            rules.append(self._largest(member, last))
        return rules

    def _largest(self, member: sparse.csr_array, last: np.ndarray) -> LinearConstraint:
        """Let the last variable be at least each feature's change."""
        feature = self.intervals[0]
        cost = np.where(np.isfinite(self.costs), self.costs, 0.0)
        owners, index = np.unique(feature, return_inverse=True)
        gather = sparse.csr_array(
            (cost, (index, np.arange(len(index)))), shape=(len(owners), len(index))
        )
        bound = sparse.csr_array(
            (
                np.ones(len(owners)),
                (np.arange(len(owners)), np.full(len(owners), self.variables - 1)),
            ),
            shape=(len(owners), self.variables),
        )
        return LinearConstraint(gather @ member - bound, -np.inf, -(gather @ last))

    def solve(self, pairs: list[tuple[int, int]], seconds: float) -> Tensor | None:
        """Find the nearest input (1, …) on which each pair's second class leads its first."""
        trees, count = self.trees, len(self.splits)
        leaf_scores = trees.scores[trees.leaves].numpy()
        rules = list(self._rules)
        for first, second in pairs:
            gain = leaf_scores[:, second] - leaf_scores[:, first]
            base = float(trees.base[second] - trees.base[first])
            scale = max(float(np.abs(gain).max()), 1e-12)
            row = np.concatenate([np.zeros(count), gain / scale, [0.0]])
            rules.append(LinearConstraint(row[None], LEAD - base / scale, np.inf))
        cost = np.where(np.isfinite(self.costs), self.costs, 0.0)
        objective = cost @ self._membership
        if self.threat.norm == "linf":
            objective = np.zeros(self.variables)
            objective[-1] = 1
        bounds = Bounds(0, np.concatenate([np.ones(self.variables - 1), [np.inf]]))
        whole = np.concatenate([np.ones(count), np.zeros(self.variables - count)])
        found = milp(
            objective, integrality=whole, bounds=bounds, constraints=rules,
            options={"time_limit": seconds, "mip_rel_gap": 1e-6},
        )  # fmt: skip
        return None if found.x is None else self._input(found.x)

    def _input(self, solution: np.ndarray) -> Tensor:
        feature, _, above, entry, _ = self.intervals
        chosen = self._membership @ np.round(solution) + (above < 0) > 0.5
        x = self.state.origin.clone().flatten(1)
        x[0, torch.from_numpy(feature[chosen])] = torch.from_numpy(entry[chosen]).to(x.dtype)
        return x.reshape(self.state.origin.shape)
