"""What causes what in a table: invariance, graphs, their discovery, and effects."""

from roadworthy.causes.adjustment import adjustment_set, is_adjustment
from roadworthy.causes.discovery import EdgeCounts, discover, edge_counts
from roadworthy.causes.effects import Effect, average_effect, refutations
from roadworthy.causes.graph import CausalGraph
from roadworthy.causes.implications import Implication, implications
from roadworthy.causes.invariant_prediction import InvariantPrediction, invariant_prediction
from roadworthy.causes.notears import notears
from roadworthy.causes.refutations import Refutation, refuted
from roadworthy.causes.structural_model import StructuralModel

__all__ = [
    "CausalGraph",
    "EdgeCounts",
    "Effect",
    "Implication",
    "InvariantPrediction",
    "Refutation",
    "StructuralModel",
    "adjustment_set",
    "average_effect",
    "discover",
    "edge_counts",
    "implications",
    "invariant_prediction",
    "is_adjustment",
    "notears",
    "refutations",
    "refuted",
]
