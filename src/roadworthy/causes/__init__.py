"""What causes what in a table: invariance, graphs and effects."""

from roadworthy.causes.adjustment import adjustment_set, is_adjustment
from roadworthy.causes.effects import Effect, Refutation, average_effect, refutations
from roadworthy.causes.graph import CausalGraph
from roadworthy.causes.implications import Implication, implications
from roadworthy.causes.invariant_prediction import InvariantPrediction, invariant_prediction

__all__ = [
    "CausalGraph",
    "Effect",
    "Implication",
    "InvariantPrediction",
    "Refutation",
    "adjustment_set",
    "average_effect",
    "implications",
    "invariant_prediction",
    "is_adjustment",
    "refutations",
]
