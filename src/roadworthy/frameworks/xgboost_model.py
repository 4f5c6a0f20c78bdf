from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.frameworks.boosted_trees import xgboost_trees
from roadworthy.frameworks.booster import BoosterModel, wrap_booster


def wrap_xgboost(booster: Any, dataset: Dataset, name: str | None = None) -> BoosterModel:
    """Make a model of a native XGBoost booster.

    Raises:
        InputError: it does not fit the dataset.
    """
    import xgboost

    booster = booster.copy()

    def predict(rows: np.ndarray) -> np.ndarray:
        table = xgboost.DMatrix(rows.astype(np.float32), feature_names=booster.feature_names)
        return np.asarray(booster.predict(table, output_margin=True))

    def read(rows: Tensor) -> Any:
        booster.feature_names = None  # the rows here have none
        return xgboost_trees(booster, rows)

    mark = fingerprint(bytes(booster.save_raw("ubj")).hex())
    return wrap_booster(predict, read, dataset, name or "XGBoost", mark, booster.num_features())


def load_xgboost(path: Path, dataset: Dataset) -> BoosterModel:
    """Load a `.ubj` or `.json` file that XGBoost saved; it holds no code.

    Raises:
        InputError: it is damaged, or does not fit the dataset.
        MissingExtraError: XGBoost is not installed.
    """
    with path.open("rb") as file:
        if file.read(1) != b"{":
            raise InputError(f"{path} is no model that XGBoost saved: it does not begin with '{{'")
    try:
        import xgboost
    except ImportError:
        raise MissingExtraError(f"a {path.suffix} file", "xgboost") from None
    try:
        booster = xgboost.Booster(model_file=str(path))
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise InputError(f"{path} is no model that XGBoost saved: {_first(error)}") from None
    return wrap_xgboost(booster, dataset, path.name)


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
