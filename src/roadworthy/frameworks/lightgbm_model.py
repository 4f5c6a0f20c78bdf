from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.frameworks.boosted_trees import lightgbm_trees
from roadworthy.frameworks.booster import BoosterModel, wrap_booster


def wrap_lightgbm(booster: Any, dataset: Dataset, name: str | None = None) -> BoosterModel:
    """Make a model of a native LightGBM booster.

    Raises:
        InputError: it does not fit the dataset.
    """

    def predict(rows: np.ndarray) -> np.ndarray:
        return np.asarray(booster.predict(rows, raw_score=True))

    def read(rows: Tensor) -> Any:
        return lightgbm_trees(booster, rows)

    mark = fingerprint(booster.model_to_string())
    return wrap_booster(predict, read, dataset, name or "LightGBM", mark, booster.num_feature())


def load_lightgbm(path: Path, dataset: Dataset) -> BoosterModel:
    """Load a `.txt` file that LightGBM saved; it holds no code.

    Raises:
        InputError: it is damaged, or does not fit the dataset.
        MissingExtraError: LightGBM is not installed.
    """
    with path.open("rb") as file:
        if file.readline().strip() != b"tree":
            raise InputError(
                f"{path} is no model that LightGBM saved: it lacks the first line 'tree'"
            )
    try:
        import lightgbm
    except ImportError:
        raise MissingExtraError(f"a {path.suffix} file", "lightgbm") from None
    try:
        booster = lightgbm.Booster(model_file=str(path))
    except lightgbm.basic.LightGBMError as error:
        cause = " ".join(str(error).split())[:160]
        raise InputError(f"{path} is no model that LightGBM saved: {cause}") from None
    return wrap_lightgbm(booster, dataset, path.name)
