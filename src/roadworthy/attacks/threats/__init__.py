"""What an attacker may do beyond a ball: threat models with parameters or rules of their own."""

from roadworthy.attacks.threats.deformation import Deformation
from roadworthy.attacks.threats.laser_beam import LaserBeam
from roadworthy.attacks.threats.negative import Negative
from roadworthy.attacks.threats.patch import Patch
from roadworthy.attacks.threats.phantom import Phantom
from roadworthy.attacks.threats.rotation_translation import RotationTranslation
from roadworthy.attacks.threats.table import Column, TableRules
from roadworthy.core.registry import Registry
from roadworthy.core.threat import Transformation

THREATS: Registry[type[Transformation] | type[TableRules]] = Registry(
    "threats",
    Deformation,
    Negative,
    RotationTranslation,
    LaserBeam,
    Phantom,
    Patch,
    TableRules,
)

__all__ = [
    "THREATS",
    "Column",
    "Deformation",
    "LaserBeam",
    "Negative",
    "Patch",
    "Phantom",
    "RotationTranslation",
    "TableRules",
]
