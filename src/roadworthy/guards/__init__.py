"""Wrappers of a trained model, which change what it sees or what it answers."""

from roadworthy.core.guard import Guard
from roadworthy.core.registry import Registry
from roadworthy.guards.jpeg import JPEG
from roadworthy.guards.patch_smoothing import PatchSmoothing
from roadworthy.guards.randomized_smoothing import RandomizedSmoothing

GUARDS: Registry[type[Guard]] = Registry(
    "guards",
    JPEG,
    RandomizedSmoothing,
    PatchSmoothing,
)

__all__ = [
    "GUARDS",
    "JPEG",
    "PatchSmoothing",
    "RandomizedSmoothing",
]
