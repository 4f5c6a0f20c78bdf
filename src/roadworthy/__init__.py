"""Inspect a model for what breaks models in the field, and hand out a report others can check."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from roadworthy import (
        attacks,
        causes,
        checks,
        data,
        fewshot,
        guards,
        queries,
        recipes,
        strategies,
    )
    from roadworthy.core.adaptive import BPDA, EOT, Guarded, InputStep, adaptive
    from roadworthy.core.attack_run import Limits
    from roadworthy.core.dataset import Dataset, Feature, Roles, Split, Task
    from roadworthy.core.driver import run_attack, run_attacks
    from roadworthy.core.errors import InputError
    from roadworthy.core.model import Model
    from roadworthy.core.policy import Policy
    from roadworthy.core.report import Report
    from roadworthy.core.threat import Ball
    from roadworthy.frameworks import wrap_model
    from roadworthy.sources import load_dataset, load_model, make_dataset, save_bundle
    from roadworthy.workflows.compare import compare
    from roadworthy.workflows.diff import diff
    from roadworthy.workflows.inspection import inspect
    from roadworthy.workflows.labelling import next_items
    from roadworthy.workflows.repair import repair
    from roadworthy.workflows.training import train

# names are looked up when used: `roadworthy --help` must not wait for torch
_HOMES = {
    "BPDA": "core.adaptive",
    "Ball": "core.threat",
    "Dataset": "core.dataset",
    "EOT": "core.adaptive",
    "Feature": "core.dataset",
    "Guarded": "core.adaptive",
    "InputError": "core.errors",
    "InputStep": "core.adaptive",
    "Limits": "core.attack_run",
    "Model": "core.model",
    "Policy": "core.policy",
    "Report": "core.report",
    "Roles": "core.dataset",
    "Split": "core.dataset",
    "Task": "core.dataset",
    "adaptive": "core.adaptive",
    "attacks": "",
    "causes": "",
    "checks": "",
    "compare": "workflows.compare",
    "data": "",
    "diff": "workflows.diff",
    "fewshot": "",
    "inspect": "workflows.inspection",
    "load_dataset": "sources",
    "load_model": "sources",
    "make_dataset": "sources",
    "guards": "",
    "next_items": "workflows.labelling",
    "queries": "",
    "recipes": "",
    "repair": "workflows.repair",
    "run_attack": "core.driver",
    "run_attacks": "core.driver",
    "strategies": "",
    "train": "workflows.training",
    "save_bundle": "sources",
    "wrap_model": "frameworks",
}

__all__ = [
    "BPDA",
    "EOT",
    "Ball",
    "Dataset",
    "Feature",
    "Guarded",
    "InputError",
    "InputStep",
    "Limits",
    "Model",
    "Policy",
    "Report",
    "Roles",
    "Split",
    "Task",
    "__version__",
    "adaptive",
    "attacks",
    "causes",
    "checks",
    "compare",
    "data",
    "diff",
    "fewshot",
    "guards",
    "inspect",
    "load_dataset",
    "load_model",
    "make_dataset",
    "next_items",
    "queries",
    "recipes",
    "repair",
    "run_attack",
    "run_attacks",
    "save_bundle",
    "strategies",
    "train",
    "wrap_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'roadworthy' has no attribute {name!r}")
    home = _HOMES[name]
    if not home:
        return importlib.import_module(f"roadworthy.{name}")
    return getattr(importlib.import_module(f"roadworthy.{home}"), name)


def __dir__() -> list[str]:
    return __all__
