import numpy as np

from roadworthy.core.errors import InputError


def read_pixels(x: np.ndarray) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """Bring images into (N, C, H, W), and say what to divide by to have them in [0, 1].

    The division itself is left to later, so that bytes stay bytes as long as possible.

    Args:
        x: (N, H, W), (N, C, H, W), or (N, H, W, C) with 1 or 3 channels.

    Raises:
        InputError: these are no images, or their values lie in no known range.
    """
    notes: tuple[str, ...] = ()
    if x.ndim == 3:
        x = x[:, None]
    elif x.shape[-1] in (1, 3) and x.shape[1] not in (1, 3):
        x = x.transpose(0, 3, 1, 2)
        notes = ("Images had their channels last; they were moved to the first axis.",)
    divisor, scaling = _scale(x)
    return x, divisor, (*notes, *scaling)


def _scale(x: np.ndarray) -> tuple[float, tuple[str, ...]]:
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).sum())
        raise InputError(f"the images hold {bad} NaN or infinite values: remove or replace them")
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 255:
        raise InputError(
            f"image values run from {low:g} to {high:g}: they must lie in 0 to 1 or 0 to 255; undo "
            "any standardization, which belongs into the model"
        )
    if high <= 1:
        is_plain = x.dtype.kind in "fb"
        return 1.0, () if is_plain else (f"Images of {x.dtype} run from 0 to 1 as they are.",)
    if x.dtype.kind == "f" and high <= 2:
        raise InputError(
            f"image values run up to {high:g}, which is neither 0 to 1 nor 0 to 255: rescale them"
        )
    return 255.0, (f"Images of {x.dtype} in 0 to 255 were divided by 255.",)
