"""What arrays must be like to serve as inputs and targets, wherever they come from."""

import numpy as np
import polars as pl

from roadworthy.core.errors import InputError


def check_inputs(x: np.ndarray, where: str) -> np.ndarray:
    """Look over inputs (N, …) before anything is computed from them.

    Raises:
        InputError: they are no features and no images.
    """
    if x.dtype.kind not in "biuf":
        raise InputError(f"{where} holds {x.dtype}: inputs must be real numbers")
    if x.ndim not in (2, 3, 4):
        raise InputError(
            f"{where} has shape {x.shape}: inputs must be features (N, D) or images (N, H, W), "
            "(N, C, H, W) or (N, H, W, C)"
        )
    if not x.size:
        raise InputError(f"{where} has shape {x.shape}: it holds no values")
    return x


def check_targets(y: np.ndarray, n: int, where: str, of: str) -> pl.Series:
    """Look over targets (N,) or (N, 1) of n inputs.

    Raises:
        InputError: they are not one number or name per input.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2:
        raise InputError(
            f"{where} has shape {y.shape}: give one class number per row (the argmax of one-hot "
            "rows)"
        )
    if y.ndim != 1 or y.dtype.kind not in "biufU":
        raise InputError(f"{where} holds {y.dtype} of shape {y.shape}: it must be one label a row")
    if len(y) != n:
        raise InputError(f"{of} has {n} rows but {where} has {len(y)}: they must match")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise InputError(f"{where} has {int((~np.isfinite(y)).sum())} NaN or infinite values")
    return to_series(where, y)


def to_series(name: str, values: np.ndarray) -> pl.Series:
    """Make a column of an array (N,)."""
    if values.dtype.kind == "U":
        return pl.Series(name, values.tolist(), dtype=pl.String)
    native = values.astype(values.dtype.newbyteorder("="))
    return pl.Series(name, native.astype(np.float32) if native.dtype == np.float16 else native)
