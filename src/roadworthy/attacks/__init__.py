"""Ways to make a model err."""

from roadworthy.attacks.evasion.ddn import DDN
from roadworthy.attacks.evasion.fgsm import FGSM
from roadworthy.attacks.evasion.fmn import FMN
from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.attacks.evasion.square import Square
from roadworthy.core.attack import EvasionAttack
from roadworthy.core.registry import Registry

ATTACKS: Registry[type[EvasionAttack]] = Registry(
    "attacks",
    FGSM,
    PGD,
    DDN,
    FMN,
    Square,
)

__all__ = [
    "ATTACKS",
    "DDN",
    "FGSM",
    "FMN",
    "PGD",
    "Square",
]
