"""What a network provably answers on a whole region of inputs: bounds, never attacks."""

from roadworthy.verification.certified import bounds, certified, certified_radius, margins
from roadworthy.verification.crown import crown
from roadworthy.verification.interval_propagation import interval_propagation
from roadworthy.verification.region import Region
from roadworthy.verification.steps import unroll

__all__ = [
    "Region",
    "bounds",
    "certified",
    "certified_radius",
    "crown",
    "interval_propagation",
    "margins",
    "unroll",
]
