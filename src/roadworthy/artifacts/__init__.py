"""What is expensive, computed once and shared by the checks."""

from typing import Any

from roadworthy.artifacts.adjusted_effect import AdjustedEffect
from roadworthy.artifacts.adversarial_examples import AdversarialExamples
from roadworthy.artifacts.attribute_proxies import AttributeProxies
from roadworthy.artifacts.causal_edges import CausalEdges
from roadworthy.artifacts.certified_radii import CertifiedRadii
from roadworthy.artifacts.column_reliance import ColumnReliance
from roadworthy.artifacts.corruptions import CorruptedPredictions
from roadworthy.artifacts.cross_fitting import CrossFittedPredictions
from roadworthy.artifacts.data_values import DataValues
from roadworthy.artifacts.detections import Detections
from roadworthy.artifacts.duplicates import EqualRows, NearDuplicates
from roadworthy.artifacts.environment_probe import EnvironmentProbe
from roadworthy.artifacts.experiment_forecast import ExperimentForecast
from roadworthy.artifacts.feature_importance import FeatureImportance
from roadworthy.artifacts.fitted_steps import FittedSteps
from roadworthy.artifacts.fold_errors import FoldErrors
from roadworthy.artifacts.footprint import Footprint
from roadworthy.artifacts.invariant_sets import InvariantSets
from roadworthy.artifacts.label_issues import LabelIssues
from roadworthy.artifacts.learning_curve import LearningCurve
from roadworthy.artifacts.left_out_environments import LeftOutEnvironments
from roadworthy.artifacts.missingness_probe import MissingnessProbe
from roadworthy.artifacts.nuisance_edits import EditedOutputs
from roadworthy.artifacts.outlier_scores import OutlierScores
from roadworthy.artifacts.partial_views import PartialViews
from roadworthy.artifacts.permuted_folds import PermutedFolds
from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.rank_probabilities import RankProbabilities
from roadworthy.artifacts.retrained import Retrained
from roadworthy.artifacts.saliency import Saliency
from roadworthy.artifacts.set_column import SetColumn
from roadworthy.artifacts.shadow_models import ShadowModels
from roadworthy.artifacts.shift_probe import ShiftProbe
from roadworthy.artifacts.simple_model import SimplePredictions
from roadworthy.artifacts.single_features import SingleFeatureErrors
from roadworthy.artifacts.slices import WeakSlices
from roadworthy.artifacts.source_labelers import SourceLabelers
from roadworthy.artifacts.timings import Timings
from roadworthy.artifacts.training_dynamics import TrainingDynamics
from roadworthy.artifacts.training_outliers import TrainingOutliers
from roadworthy.artifacts.transfer_examples import TransferExamples
from roadworthy.core.artifact import Artifact
from roadworthy.core.registry import Registry

ARTIFACTS: Registry[type[Artifact[Any]]] = Registry(
    "artifacts",
    Predictions,
    SimplePredictions,
    AdversarialExamples,
    TransferExamples,
    Detections,
    CertifiedRadii,
    CorruptedPredictions,
    EditedOutputs,
    CrossFittedPredictions,
    LabelIssues,
    LearningCurve,
    Retrained,
    EqualRows,
    NearDuplicates,
    MissingnessProbe,
    OutlierScores,
    TrainingOutliers,
    DataValues,
    SingleFeatureErrors,
    FeatureImportance,
    Saliency,
    EnvironmentProbe,
    ShiftProbe,
    PartialViews,
    LeftOutEnvironments,
    FoldErrors,
    FittedSteps,
    PermutedFolds,
    AttributeProxies,
    WeakSlices,
    SourceLabelers,
    ColumnReliance,
    InvariantSets,
    CausalEdges,
    AdjustedEffect,
    ExperimentForecast,
    SetColumn,
    ShadowModels,
    TrainingDynamics,
    RankProbabilities,
    Timings,
    Footprint,
)

__all__ = [
    "ARTIFACTS",
    "AdjustedEffect",
    "AdversarialExamples",
    "AttributeProxies",
    "CausalEdges",
    "CertifiedRadii",
    "ColumnReliance",
    "CorruptedPredictions",
    "CrossFittedPredictions",
    "DataValues",
    "Detections",
    "EditedOutputs",
    "EnvironmentProbe",
    "EqualRows",
    "ExperimentForecast",
    "FeatureImportance",
    "FittedSteps",
    "FoldErrors",
    "Footprint",
    "InvariantSets",
    "LabelIssues",
    "LearningCurve",
    "LeftOutEnvironments",
    "MissingnessProbe",
    "NearDuplicates",
    "OutlierScores",
    "PartialViews",
    "PermutedFolds",
    "Predictions",
    "RankProbabilities",
    "Retrained",
    "Saliency",
    "SetColumn",
    "ShadowModels",
    "ShiftProbe",
    "SimplePredictions",
    "SingleFeatureErrors",
    "SourceLabelers",
    "Timings",
    "TrainingDynamics",
    "TrainingOutliers",
    "TransferExamples",
    "WeakSlices",
]
