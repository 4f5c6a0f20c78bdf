"""Where models and datasets come from."""

from roadworthy.sources.baselines import baseline_for
from roadworthy.sources.builtin_datasets import DATASETS
from roadworthy.sources.bundles import load_bundle, save_bundle
from roadworthy.sources.datasets import load_dataset
from roadworthy.sources.in_memory import make_dataset
from roadworthy.sources.models import load_model

__all__ = [
    "DATASETS",
    "baseline_for",
    "load_bundle",
    "load_dataset",
    "load_model",
    "make_dataset",
    "save_bundle",
]
