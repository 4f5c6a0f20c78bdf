"""Ways to make a model err."""

from roadworthy.attacks.evasion.adef import ADef
from roadworthy.attacks.evasion.amd import AMD
from roadworthy.attacks.evasion.apgd import APGD
from roadworthy.attacks.evasion.auto_attack import AutoAttack
from roadworthy.attacks.evasion.bim import BIM
from roadworthy.attacks.evasion.blb import BLB
from roadworthy.attacks.evasion.boundary import Boundary
from roadworthy.attacks.evasion.capgd import CAPGD
from roadworthy.attacks.evasion.cw import CW
from roadworthy.attacks.evasion.cw_l0 import CWL0
from roadworthy.attacks.evasion.cw_linf import CWLinf
from roadworthy.attacks.evasion.ddn import DDN
from roadworthy.attacks.evasion.decision_tree import DecisionTree
from roadworthy.attacks.evasion.deepfool import DeepFool
from roadworthy.attacks.evasion.di_fgsm import DIFGSM
from roadworthy.attacks.evasion.ead import EAD
from roadworthy.attacks.evasion.fab import FAB
from roadworthy.attacks.evasion.feature_search import FeatureSearch
from roadworthy.attacks.evasion.fgsm import FGSM
from roadworthy.attacks.evasion.fmn import FMN
from roadworthy.attacks.evasion.gen_attack import GenAttack
from roadworthy.attacks.evasion.hclu import HCLU
from roadworthy.attacks.evasion.hop_skip_jump import HopSkipJump
from roadworthy.attacks.evasion.illc import ILLC
from roadworthy.attacks.evasion.inversion import Inversion
from roadworthy.attacks.evasion.jsma import JSMA
from roadworthy.attacks.evasion.llc import LLC
from roadworthy.attacks.evasion.local_search import LocalSearch
from roadworthy.attacks.evasion.max_confidence import MaxConfidence
from roadworthy.attacks.evasion.mi_fgsm import MIFGSM
from roadworthy.attacks.evasion.newtonfool import NewtonFool
from roadworthy.attacks.evasion.ni_fgsm import NIFGSM
from roadworthy.attacks.evasion.opt_margin import OptMargin
from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.attacks.evasion.pointwise import Pointwise
from roadworthy.attacks.evasion.r_fgsm import RFGSM
from roadworthy.attacks.evasion.r_llc import RLLC
from roadworthy.attacks.evasion.rays import RayS
from roadworthy.attacks.evasion.salt_and_pepper import SaltAndPepper
from roadworthy.attacks.evasion.si_ni_fgsm import SINIFGSM
from roadworthy.attacks.evasion.sigma_zero import SigmaZero
from roadworthy.attacks.evasion.sparse_l1 import SparseL1
from roadworthy.attacks.evasion.spatial import Spatial
from roadworthy.attacks.evasion.spsa import SPSA
from roadworthy.attacks.evasion.square import Square
from roadworthy.attacks.evasion.stadv import StAdv
from roadworthy.attacks.evasion.superdeepfool import SuperDeepFool
from roadworthy.attacks.evasion.surfree import SurFree
from roadworthy.attacks.evasion.ti_fgsm import TIFGSM
from roadworthy.attacks.evasion.tree_ensemble import TreeEnsemble
from roadworthy.attacks.evasion.uap import UAP
from roadworthy.attacks.evasion.vat import VAT
from roadworthy.attacks.evasion.vmi_fgsm import VMIFGSM
from roadworthy.attacks.evasion.zoo import ZOO
from roadworthy.attacks.physical.adversarial_patch import AdversarialPatch
from roadworthy.attacks.physical.laser_beam import LaserBeamSearch
from roadworthy.attacks.physical.laser_beam_gradient import LaserBeamGradient
from roadworthy.attacks.physical.phantom import PhantomSearch
from roadworthy.core.attack import EvasionAttack
from roadworthy.core.registry import Registry

ATTACKS: Registry[type[EvasionAttack]] = Registry(
    "attacks",
    # gradients, within a budget
    FGSM,
    PGD,
    APGD,
    BIM,
    MIFGSM,
    NIFGSM,
    SINIFGSM,
    DIFGSM,
    TIFGSM,
    VMIFGSM,
    RFGSM,
    LLC,
    ILLC,
    RLLC,
    SparseL1,
    VAT,
    AMD,
    UAP,
    MaxConfidence,
    AutoAttack,
    # gradients, nearest error
    DDN,
    FMN,
    CW,
    CWLinf,
    CWL0,
    EAD,
    OptMargin,
    SigmaZero,
    FAB,
    DeepFool,
    SuperDeepFool,
    NewtonFool,
    JSMA,
    BLB,
    # scores
    Square,
    SPSA,
    ZOO,
    GenAttack,
    LocalSearch,
    # labels
    HopSkipJump,
    SurFree,
    Boundary,
    RayS,
    Pointwise,
    SaltAndPepper,
    Inversion,
    # rules of a table
    CAPGD,
    FeatureSearch,
    # trees and Gaussian processes
    DecisionTree,
    TreeEnsemble,
    HCLU,
    # what happens in the world
    Spatial,
    ADef,
    StAdv,
    LaserBeamSearch,
    LaserBeamGradient,
    AdversarialPatch,
    PhantomSearch,
)

__all__ = [
    "AMD",
    "APGD",
    "ATTACKS",
    "BIM",
    "BLB",
    "CAPGD",
    "CW",
    "CWL0",
    "DDN",
    "DIFGSM",
    "EAD",
    "FAB",
    "FGSM",
    "FMN",
    "HCLU",
    "ILLC",
    "JSMA",
    "LLC",
    "MIFGSM",
    "NIFGSM",
    "PGD",
    "RFGSM",
    "RLLC",
    "SINIFGSM",
    "SPSA",
    "TIFGSM",
    "UAP",
    "VAT",
    "VMIFGSM",
    "ZOO",
    "ADef",
    "AdversarialPatch",
    "AutoAttack",
    "Boundary",
    "CWLinf",
    "DecisionTree",
    "DeepFool",
    "FeatureSearch",
    "GenAttack",
    "HopSkipJump",
    "Inversion",
    "LaserBeamGradient",
    "LaserBeamSearch",
    "LocalSearch",
    "MaxConfidence",
    "NewtonFool",
    "OptMargin",
    "PhantomSearch",
    "Pointwise",
    "RayS",
    "SaltAndPepper",
    "SigmaZero",
    "SparseL1",
    "Spatial",
    "Square",
    "StAdv",
    "SuperDeepFool",
    "SurFree",
    "TreeEnsemble",
]
