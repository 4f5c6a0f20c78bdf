from dataclasses import dataclass, replace

import torch

from roadworthy.attacks.leaf_boxes import enter, is_aim
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class DecisionTree(EvasionAttack):
    """Decision tree attack: goes to a leaf of another class close by in the tree.

    Climbs from the input's leaf to the first node that has a leaf of another class below it, and
    changes only the features that were split between the two leaves.

    Threat model: white box, a single decision tree, L-inf, L2, L1 or L0; targeted or not.
    Cost: 1 look at the candidate, and nine forward passes to shorten and verify.
    Source: Papernot, McDaniel and Goodfellow 2016, arXiv:1605.07277, section 4.2 (decision trees).
    Differs from the paper: of several leaves below the same node the nearest is taken; a feature
    moves just across its threshold, to the next number in float32; a leaf that valid values or
    fixed features keep out of reach is passed over.
    """

    card = Card(
        "decision-tree",
        "Decision tree attack",
        aliases=("dta", "decision-tree-attack"),
        paper="arxiv:1605.07277",
    )
    threats = frozenset({"linf", "l2", "l1", "l0"})
    needs = frozenset({Offer.TREES})
    is_minimal = True
    steps = 1

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        tree = model.trees()
        if len(tree.roots) > 1:
            raise NotAssessed(
                f"{self.card.name} walks a single tree, but {model.spec.name} has "
                f"{len(tree.roots)}: take tree-ensemble"
            )
        inside, distance = enter(tree, state, threat)
        distance = distance.masked_fill(~is_aim(tree, state), float("inf"))
        place = torch.searchsorted(tree.leaves, tree.find_leaves(state.origin)[:, 0])
        # how many nodes the way to a leaf shares with the way to the input's own
        shared = (tree.ancestors[place][:, None] == tree.ancestors[None]).sum(2)
        shared = shared.masked_fill(distance.isinf(), -1)
        is_closest = shared == shared.amax(1, keepdim=True)
        leaf = distance.masked_fill(~is_closest, float("inf")).argmin(1)
        rows = torch.arange(len(leaf), device=leaf.device)
        x = inside[rows, leaf].reshape(state.origin.shape)
        is_found = distance[rows, leaf].isfinite()
        x[~is_found] = state.origin[~is_found]
        return replace(state, x=x)
