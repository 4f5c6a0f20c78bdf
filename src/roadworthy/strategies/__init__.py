"""Ways to train a network otherwise: each changes a training plan."""

from roadworthy.core.registry import Registry
from roadworthy.strategies.adversarial_training import AdversarialTraining
from roadworthy.strategies.augmix import AugMix
from roadworthy.strategies.awp import AWP
from roadworthy.strategies.band_ablation import BandAblation
from roadworthy.strategies.barlow_twins import BarlowTwins
from roadworthy.strategies.byol import BYOL
from roadworthy.strategies.cdw_ce import CDWCE
from roadworthy.strategies.class_weights import ClassWeights
from roadworthy.strategies.context_prediction import ContextPrediction
from roadworthy.strategies.coral import CORAL
from roadworthy.strategies.corn import CORN
from roadworthy.strategies.cumulative_link import CumulativeLinkModel
from roadworthy.strategies.dino import DINO
from roadworthy.strategies.discriminative_rates import DiscriminativeRates
from roadworthy.strategies.distillation import DefensiveDistillation
from roadworthy.strategies.earth_mover import EarthMoverLoss
from roadworthy.strategies.eat import EAT
from roadworthy.strategies.eit_training import EITTraining
from roadworthy.strategies.fast_adversarial_training import FastAdversarialTraining
from roadworthy.strategies.fine_tune import FineTune
from roadworthy.strategies.fixmatch import FixMatch
from roadworthy.strategies.freematch import FreeMatch
from roadworthy.strategies.gaussian_augmentation import GaussianAugmentation
from roadworthy.strategies.gradient_regularization import GradientRegularization
from roadworthy.strategies.gradual_unfreezing import GradualUnfreezing
from roadworthy.strategies.group_dro import GroupDRO
from roadworthy.strategies.ibp_training import IBPTraining
from roadworthy.strategies.irm import IRM
from roadworthy.strategies.label_propagation import LabelPropagation
from roadworthy.strategies.label_smoothing import LabelSmoothing
from roadworthy.strategies.lambdarank import LambdaRank
from roadworthy.strategies.linear_probe import LinearProbe
from roadworthy.strategies.listnet import ListNet
from roadworthy.strategies.lora import LoRA
from roadworthy.strategies.lp_ft import LPFT
from roadworthy.strategies.mae import MaskedAutoencoder
from roadworthy.strategies.mart import MART
from roadworthy.strategies.masked_language_model import MaskedLanguageModel
from roadworthy.strategies.mean_teacher import MeanTeacher
from roadworthy.strategies.mixmatch import MixMatch
from roadworthy.strategies.nat import NAT
from roadworthy.strategies.or_nn import ORNN
from roadworthy.strategies.pi_model import PiModel
from roadworthy.strategies.pruned_labels import PrunedLabels
from roadworthy.strategies.pseudo_label import PseudoLabel
from roadworthy.strategies.rank_regression import RankRegression
from roadworthy.strategies.ranking_svm import RankingSVM
from roadworthy.strategies.ranknet import RankNet
from roadworthy.strategies.reweighing import Reweighing
from roadworthy.strategies.rotation import RotationPrediction
from roadworthy.strategies.scarf import SCARF
from roadworthy.strategies.self_training import SelfTraining
from roadworthy.strategies.simclr import SimCLR
from roadworthy.strategies.softmatch import SoftMatch
from roadworthy.strategies.sord import SORD
from roadworthy.strategies.swav import SwAV
from roadworthy.strategies.thermometer import ThermometerEncoding
from roadworthy.strategies.trades import TRADES
from roadworthy.strategies.unimodal import UnimodalProbabilities
from roadworthy.strategies.vat import VAT
from roadworthy.strategies.vicreg import VICReg
from roadworthy.strategies.vrex import VREx
from roadworthy.strategies.without_copies import WithoutCopies
from roadworthy.training.strategy import Strategy

STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategies",
    AdversarialTraining,
    FastAdversarialTraining,
    TRADES,
    MART,
    AWP,
    EAT,
    NAT,
    GradientRegularization,
    GaussianAugmentation,
    AugMix,
    EITTraining,
    LabelSmoothing,
    DefensiveDistillation,
    ThermometerEncoding,
    IBPTraining,
    BandAblation,
    # ordered classes
    CORAL,
    CORN,
    ORNN,
    CumulativeLinkModel,
    SORD,
    UnimodalProbabilities,
    EarthMoverLoss,
    CDWCE,
    RankRegression,
    # representations
    BarlowTwins,
    VICReg,
    SimCLR,
    BYOL,
    SwAV,
    DINO,
    MaskedAutoencoder,
    RotationPrediction,
    ContextPrediction,
    SCARF,
    MaskedLanguageModel,
    # transfer
    FineTune,
    LinearProbe,
    LPFT,
    GradualUnfreezing,
    DiscriminativeRates,
    LoRA,
    # order within a query
    RankNet,
    ListNet,
    LambdaRank,
    RankingSVM,
    # environments
    GroupDRO,
    IRM,
    VREx,
    # the data
    ClassWeights,
    Reweighing,
    PrunedLabels,
    WithoutCopies,
    # rows without targets
    PseudoLabel,
    PiModel,
    MeanTeacher,
    VAT,
    MixMatch,
    FixMatch,
    FreeMatch,
    SoftMatch,
    LabelPropagation,
    SelfTraining,
)

__all__ = [
    "AWP",
    "BYOL",
    "CDWCE",
    "CORAL",
    "CORN",
    "DINO",
    "EAT",
    "IRM",
    "LPFT",
    "MART",
    "NAT",
    "ORNN",
    "SCARF",
    "SORD",
    "STRATEGIES",
    "TRADES",
    "VAT",
    "AdversarialTraining",
    "AugMix",
    "BandAblation",
    "BarlowTwins",
    "ClassWeights",
    "ContextPrediction",
    "CumulativeLinkModel",
    "DefensiveDistillation",
    "DiscriminativeRates",
    "EITTraining",
    "EarthMoverLoss",
    "FastAdversarialTraining",
    "FineTune",
    "FixMatch",
    "FreeMatch",
    "GaussianAugmentation",
    "GradientRegularization",
    "GradualUnfreezing",
    "GroupDRO",
    "IBPTraining",
    "LabelPropagation",
    "LabelSmoothing",
    "LambdaRank",
    "LinearProbe",
    "ListNet",
    "LoRA",
    "MaskedAutoencoder",
    "MaskedLanguageModel",
    "MeanTeacher",
    "MixMatch",
    "PiModel",
    "PrunedLabels",
    "PseudoLabel",
    "RankNet",
    "RankRegression",
    "RankingSVM",
    "Reweighing",
    "RotationPrediction",
    "SelfTraining",
    "SimCLR",
    "SoftMatch",
    "SwAV",
    "ThermometerEncoding",
    "UnimodalProbabilities",
    "VICReg",
    "VREx",
    "WithoutCopies",
]
