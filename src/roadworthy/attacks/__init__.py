"""Ways to make a model err."""

from roadworthy.attacks.evasion.bim import BIM
from roadworthy.attacks.evasion.ddn import DDN
from roadworthy.attacks.evasion.deepfool import DeepFool
from roadworthy.attacks.evasion.fgsm import FGSM
from roadworthy.attacks.evasion.fmn import FMN
from roadworthy.attacks.evasion.illc import ILLC
from roadworthy.attacks.evasion.jsma import JSMA
from roadworthy.attacks.evasion.llc import LLC
from roadworthy.attacks.evasion.mi_fgsm import MIFGSM
from roadworthy.attacks.evasion.newtonfool import NewtonFool
from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.attacks.evasion.r_fgsm import RFGSM
from roadworthy.attacks.evasion.r_llc import RLLC
from roadworthy.attacks.evasion.square import Square
from roadworthy.core.attack import EvasionAttack
from roadworthy.core.registry import Registry

ATTACKS: Registry[type[EvasionAttack]] = Registry(
    "attacks",
    FGSM,
    PGD,
    BIM,
    MIFGSM,
    RFGSM,
    LLC,
    ILLC,
    RLLC,
    DDN,
    FMN,
    Square,
    DeepFool,
    NewtonFool,
    JSMA,
)

__all__ = [
    "ATTACKS",
    "BIM",
    "DDN",
    "FGSM",
    "FMN",
    "ILLC",
    "JSMA",
    "LLC",
    "MIFGSM",
    "PGD",
    "RFGSM",
    "RLLC",
    "DeepFool",
    "NewtonFool",
    "Square",
]
