"""What causes what in a table: invariance, graphs, effects and what would have been."""

from roadworthy.causes.invariant_prediction import InvariantPrediction, invariant_prediction

__all__ = ["InvariantPrediction", "invariant_prediction"]
