"""Wrappers of a trained model, which change what it sees or what it answers."""

from roadworthy.core.guard import Guard
from roadworthy.core.registry import Registry
from roadworthy.guards.jpeg import JPEG

GUARDS: Registry[type[Guard]] = Registry(
    "guards",
    JPEG,
)

__all__ = [
    "GUARDS",
    "JPEG",
]
