from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import torch

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.text import to_texts

# makes of rows (N, D) what an estimator was fitted on
Table = Callable[[np.ndarray], Any]


def tables(estimator: Any, dataset: Dataset) -> list[Table]:
    """List what an estimator may take, likeliest first: texts, rows, or columns by name.

    Raises:
        InputError: it was fitted on columns that the dataset does not have.
    """
    if dataset.kind == "text":
        return [lambda rows: to_texts(torch.from_numpy(rows))]
    wanted = getattr(estimator, "feature_names_in_", None)
    if wanted is None:
        return [lambda rows: rows]
    names = [feature.name for feature in dataset.features]
    if sorted(wanted) != sorted(names):
        missing = sorted(set(wanted) - set(names)) or sorted(set(names) - set(wanted))
        raise InputError(
            f"the estimator was fitted on columns named otherwise than those of {dataset.name} "
            f"({', '.join(missing[:5])}): name the same columns, or wrap it in a function"
        )

    def named(rows: np.ndarray, decode: bool) -> pl.DataFrame:
        columns = {}
        for feature, values in zip(dataset.features, rows.T, strict=True):
            is_text = decode and feature.kind == "category"
            columns[feature.name] = (
                np.array(feature.categories)[values.astype(int)].tolist() if is_text else values
            )
        return pl.DataFrame(columns).select(list(wanted))

    return [lambda rows: named(rows, True), lambda rows: named(rows, False)]
