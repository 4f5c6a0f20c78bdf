"""Wrappers of a trained model, which change what it sees or what it answers."""

from roadworthy.core.detector import Detector
from roadworthy.core.guard import Guard
from roadworthy.core.registry import Registry
from roadworthy.guards.augmix_views import AugMixViews
from roadworthy.guards.conformal import Conformal
from roadworthy.guards.conformal_ranks import ConformalRanks
from roadworthy.guards.crop_rescale import CropRescale
from roadworthy.guards.eit import EIT
from roadworthy.guards.equalized_odds import EqualizedOdds
from roadworthy.guards.feature_squeezing import FeatureSqueezing
from roadworthy.guards.group_thresholds import GroupThresholds
from roadworthy.guards.jpeg import JPEG
from roadworthy.guards.mahalanobis_detector import MahalanobisDetector
from roadworthy.guards.patch_smoothing import PatchSmoothing
from roadworthy.guards.phantom_detector import PhantomDetector
from roadworthy.guards.pixel_defend import PixelDefend
from roadworthy.guards.quilting import Quilting
from roadworthy.guards.random_resize import RandomResize
from roadworthy.guards.randomized_smoothing import RandomizedSmoothing
from roadworthy.guards.region_based import RegionBased
from roadworthy.guards.spatial_smoothing import SpatialSmoothing
from roadworthy.guards.squeezing_detector import SqueezingDetector
from roadworthy.guards.temperature import Temperature
from roadworthy.guards.total_variation import TotalVariation

GUARDS: Registry[type[Guard]] = Registry(
    "guards",
    FeatureSqueezing,
    SpatialSmoothing,
    JPEG,
    TotalVariation,
    CropRescale,
    Quilting,
    EIT,
    RandomResize,
    RegionBased,
    PixelDefend,
    RandomizedSmoothing,
    PatchSmoothing,
    AugMixViews,
    Temperature,
    Conformal,
    ConformalRanks,
    GroupThresholds,
    EqualizedOdds,
)

DETECTORS: Registry[type[Detector]] = Registry(
    "detectors",
    SqueezingDetector,
    MahalanobisDetector,
    PhantomDetector,
)

__all__ = [
    "DETECTORS",
    "EIT",
    "GUARDS",
    "JPEG",
    "AugMixViews",
    "Conformal",
    "ConformalRanks",
    "CropRescale",
    "EqualizedOdds",
    "FeatureSqueezing",
    "GroupThresholds",
    "MahalanobisDetector",
    "PatchSmoothing",
    "PhantomDetector",
    "PixelDefend",
    "Quilting",
    "RandomResize",
    "RandomizedSmoothing",
    "RegionBased",
    "SpatialSmoothing",
    "SqueezingDetector",
    "Temperature",
    "TotalVariation",
]
