from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.leaf_boxes import enter, is_aim
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball
from roadworthy.core.tree_ensemble import TreeEnsemble as Trees


@dataclass(frozen=True)
class TreeEnsemble(EvasionAttack):
    """Exact evasion of tree ensembles: finds the nearest input that gets another class.

    Of a single tree it compares the boxes of all leaves. Of several trees it solves a mixed-integer
    program per sample, whose variables say on which side of each threshold the input lies and which
    leaves it reaches; the result is the nearest there is, unless time ran out, when it is the
    nearest found.

    Threat model: white box, decision trees, L-inf, L2, L1 or L0, minimal norm; targeted or not.
    Cost: 1 look at the candidate, nine forward passes to shorten and verify, and up to `seconds`
    for each sample and class that it may reach.
    Source: Kantchelian, Tygar and Joseph 2016, arXiv:1509.07892, section 3.
    Differs from the paper: several classes are tried one after the other; the program minimizes
    costs of intervals between thresholds, so that L2 stays linear; valid values and fixed features
    are respected; thresholds are those of float32.

    Args:
        seconds: time for one program; results depend on the machine only where it runs out.
    """

    seconds: float = 10.0

    card = Card(
        "tree-ensemble",
        "Exact evasion of tree ensembles",
        aliases=("kantchelian", "tree-milp"),
        paper="arxiv:1509.07892",
    )
    threats = frozenset({"linf", "l2", "l1", "l0"})
    needs = frozenset({Offer.TREES})
    is_minimal = True
    steps = 1

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        trees = model.trees()
        solve = self._one_tree if len(trees.roots) == 1 and not trees.base.any() else self._several
        return replace(state, x=solve(trees, state, threat))

    def _one_tree(self, tree: Trees, state: State, threat: Ball) -> Tensor:
        inside, distance = enter(tree, state, threat)
        least, leaf = distance.masked_fill(~is_aim(tree, state), float("inf")).min(1)
        x = inside[torch.arange(len(leaf), device=leaf.device), leaf].reshape(state.x.shape)
        x[least.isinf()] = state.origin[least.isinf()]
        return x

    def _several(self, trees: Trees, state: State, threat: Ball) -> Tensor:
        from roadworthy.attacks.ensemble_program import nearest  # scipy.optimize is slow to import

        x = state.origin.clone()
        for row in range(len(x)):  # each sample is a program of its own
            one = state.take(torch.tensor([row]))
            x[row] = nearest(trees, one, threat, self.seconds)[0]
        return x
