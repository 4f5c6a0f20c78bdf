"""What a subject is judged for; the order is the report's."""

from roadworthy.checks.bias.counterfactual_sensitivity import CounterfactualSensitivity
from roadworthy.checks.bias.group_calibration import GroupCalibration
from roadworthy.checks.bias.group_errors import GroupErrors
from roadworthy.checks.bias.group_gaps import GroupGaps
from roadworthy.checks.bias.weak_slices import WeakSlicesOfRows
from roadworthy.checks.causes.causal_graph import CausalGraph
from roadworthy.checks.causes.intervention_effect import InterventionEffect
from roadworthy.checks.causes.intervention_forecast import InterventionForecast
from roadworthy.checks.causes.invariance import Invariance
from roadworthy.checks.data.cartography import Cartography
from roadworthy.checks.data.class_imbalance import ClassImbalance
from roadworthy.checks.data.constant_features import ConstantFeatures
from roadworthy.checks.data.label_consistency import LabelConsistency
from roadworthy.checks.data.label_errors import LabelErrors
from roadworthy.checks.data.missing_values import MissingValues
from roadworthy.checks.data.missingness import Missingness
from roadworthy.checks.data.outliers import Outliers
from roadworthy.checks.data.ranges import Ranges
from roadworthy.checks.data.small_sample import SmallSample
from roadworthy.checks.data.target_errors import TargetErrors
from roadworthy.checks.data.text_encoding import TextEncoding
from roadworthy.checks.data.units import Units
from roadworthy.checks.methodology.claims import Claims
from roadworthy.checks.methodology.exact_duplicates import ExactDuplicates
from roadworthy.checks.methodology.external_validation import ExternalValidation
from roadworthy.checks.methodology.fitted_on_all import FittedOnAll
from roadworthy.checks.methodology.group_overlap import GroupOverlap
from roadworthy.checks.methodology.leaking_features import LeakingFeatures
from roadworthy.checks.methodology.near_duplicates import NearDuplicateRows
from roadworthy.checks.methodology.proxies import Proxies
from roadworthy.checks.methodology.reliance import Reliance
from roadworthy.checks.methodology.saliency_sanity import SaliencySanity
from roadworthy.checks.methodology.sample_size import SampleSize
from roadworthy.checks.methodology.shortcuts import Shortcuts
from roadworthy.checks.methodology.source_confounding import SourceConfounding
from roadworthy.checks.methodology.split_gap import SplitGap
from roadworthy.checks.methodology.temporal_overlap import TemporalOverlap
from roadworthy.checks.performance.accuracy import Accuracy
from roadworthy.checks.performance.baseline import Baseline
from roadworthy.checks.performance.calibration import Calibration
from roadworthy.checks.performance.collect_more import CollectMore
from roadworthy.checks.performance.rank_consistency import RankConsistency
from roadworthy.checks.performance.seed_spread import SeedSpread
from roadworthy.checks.privacy.membership_inference import MembershipInference
from roadworthy.checks.resources.latency import Latency
from roadworthy.checks.resources.size import Size
from roadworthy.checks.robustness.certified_robustness import CertifiedRobustness
from roadworthy.checks.robustness.corruption_robustness import CorruptionRobustness
from roadworthy.checks.robustness.physical_robustness import PhysicalRobustness
from roadworthy.checks.robustness.rank_jumps import RankJumps
from roadworthy.checks.robustness.robust_accuracy import RobustAccuracy
from roadworthy.checks.shift.distribution_shift import DistributionShift
from roadworthy.checks.shift.environment_gaps import EnvironmentGaps
from roadworthy.checks.shift.production_accuracy import ProductionAccuracy
from roadworthy.core.check import Check
from roadworthy.core.registry import Registry

CHECKS: Registry[type[Check]] = Registry(
    "checks",
    Accuracy,
    Baseline,
    Calibration,
    SeedSpread,
    CollectMore,
    RankConsistency,
    RobustAccuracy,
    CorruptionRobustness,
    PhysicalRobustness,
    CertifiedRobustness,
    RankJumps,
    ExactDuplicates,
    NearDuplicateRows,
    GroupOverlap,
    SourceConfounding,
    TemporalOverlap,
    LeakingFeatures,
    Shortcuts,
    ExternalValidation,
    SplitGap,
    FittedOnAll,
    Proxies,
    Reliance,
    SaliencySanity,
    Claims,
    SampleSize,
    SmallSample,
    ClassImbalance,
    LabelErrors,
    LabelConsistency,
    TargetErrors,
    Cartography,
    ConstantFeatures,
    MissingValues,
    Missingness,
    Ranges,
    Units,
    TextEncoding,
    Outliers,
    GroupGaps,
    DistributionShift,
    EnvironmentGaps,
    ProductionAccuracy,
    GroupCalibration,
    GroupErrors,
    WeakSlicesOfRows,
    CounterfactualSensitivity,
    Invariance,
    CausalGraph,
    InterventionEffect,
    InterventionForecast,
    MembershipInference,
    Latency,
    Size,
)

__all__ = [
    "CHECKS",
    "Accuracy",
    "Baseline",
    "Calibration",
    "Cartography",
    "CausalGraph",
    "CertifiedRobustness",
    "Claims",
    "ClassImbalance",
    "CollectMore",
    "ConstantFeatures",
    "CorruptionRobustness",
    "CounterfactualSensitivity",
    "DistributionShift",
    "EnvironmentGaps",
    "ExactDuplicates",
    "ExternalValidation",
    "FittedOnAll",
    "GroupCalibration",
    "GroupErrors",
    "GroupGaps",
    "GroupOverlap",
    "InterventionEffect",
    "InterventionForecast",
    "Invariance",
    "LabelConsistency",
    "LabelErrors",
    "Latency",
    "LeakingFeatures",
    "MembershipInference",
    "MissingValues",
    "Missingness",
    "NearDuplicateRows",
    "Outliers",
    "PhysicalRobustness",
    "ProductionAccuracy",
    "Proxies",
    "Ranges",
    "RankConsistency",
    "RankJumps",
    "Reliance",
    "RobustAccuracy",
    "SaliencySanity",
    "SampleSize",
    "SeedSpread",
    "Shortcuts",
    "Size",
    "SmallSample",
    "SourceConfounding",
    "SplitGap",
    "TargetErrors",
    "TemporalOverlap",
    "TextEncoding",
    "Units",
    "WeakSlicesOfRows",
]
