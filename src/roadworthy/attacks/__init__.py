"""Ways to make a model err."""

from roadworthy.attacks.evasion.amd import AMD
from roadworthy.attacks.evasion.bim import BIM
from roadworthy.attacks.evasion.ddn import DDN
from roadworthy.attacks.evasion.deepfool import DeepFool
from roadworthy.attacks.evasion.fgsm import FGSM
from roadworthy.attacks.evasion.fmn import FMN
from roadworthy.attacks.evasion.illc import ILLC
from roadworthy.attacks.evasion.jsma import JSMA
from roadworthy.attacks.evasion.inversion import Inversion
from roadworthy.attacks.evasion.llc import LLC
from roadworthy.attacks.evasion.max_confidence import MaxConfidence
from roadworthy.attacks.evasion.mi_fgsm import MIFGSM
from roadworthy.attacks.evasion.newtonfool import NewtonFool
from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.attacks.evasion.r_fgsm import RFGSM
from roadworthy.attacks.evasion.r_llc import RLLC
from roadworthy.attacks.evasion.salt_and_pepper import SaltAndPepper
from roadworthy.attacks.evasion.sparse_l1 import SparseL1
from roadworthy.attacks.evasion.square import Square
from roadworthy.attacks.evasion.vat import VAT
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
    SparseL1,
    VAT,
    AMD,
    MaxConfidence,
    DDN,
    FMN,
    Square,
    DeepFool,
    NewtonFool,
    JSMA,
    SaltAndPepper,
    Inversion,
)

__all__ = [
    "AMD",
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
    "VAT",
    "Inversion",
    "MaxConfidence",
    "SaltAndPepper",
    "SparseL1",
    "Square",
]
