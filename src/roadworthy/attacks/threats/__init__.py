"""What an attacker may do beyond a ball: threat models with parameters of their own."""

from roadworthy.core.registry import Registry
from roadworthy.core.threat import Transformation

THREATS: Registry[type[Transformation]] = Registry(
    "threats",
)

__all__ = [
    "THREATS",
]
