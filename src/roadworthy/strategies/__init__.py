"""Ways to train a network otherwise: each changes a training plan."""

from roadworthy.core.registry import Registry
from roadworthy.strategies.adversarial_training import AdversarialTraining
from roadworthy.strategies.label_smoothing import LabelSmoothing
from roadworthy.strategies.trades import TRADES
from roadworthy.training.strategy import Strategy

STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategies",
    AdversarialTraining,
    LabelSmoothing,
    TRADES,
)

__all__ = [
    "STRATEGIES",
    "TRADES",
    "AdversarialTraining",
    "LabelSmoothing",
]
