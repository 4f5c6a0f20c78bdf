"""Numbers that are the same but for their unit."""

from dataclasses import dataclass

import numpy as np

DIFFERENT = 0.5  # distance of two samples that are not of one unit
ALIKE = 0.1  # distance of two samples that are, however large they are
FEWEST = 20  # values of a sample


@dataclass(frozen=True)
class Conversion:
    """A straight line from one unit to another.

    Args:
        name: what the second unit is to the first.
        scale: of the line.
        offset: its value at 0.
        is_plain: common enough to be told within one column too.
    """

    name: str
    scale: float
    offset: float = 0.0
    is_plain: bool = False


# what the odd values are, for what the others are, and the factor between
_UNITS = (
    ("inches", "centimeters", 2.54, True),
    ("feet", "meters", 0.3048, False),
    ("pounds", "kilograms", 0.45359237, False),
    ("miles", "kilometers", 1.609344, False),
    ("years", "months", 12.0, False),
    ("hours", "minutes", 60.0, False),
    ("mmol/l of glucose", "mg/dl", 18.016, False),
    ("mmol/l of cholesterol", "mg/dl", 38.67, False),
    ("mg/dl of creatinine", "µmol/l", 88.42, False),
)
_TEMPERATURES = (
    ("degrees Celsius for Fahrenheit", 1.8, 32.0),
    ("degrees Fahrenheit for Celsius", 1 / 1.8, -32 / 1.8),
    ("degrees Celsius for kelvin", 1.0, 273.15),
    ("kelvin for degrees Celsius", 1.0, -273.15),
)
CONVERSIONS = (
    *(Conversion(f"numbers {n:g} times too small", n, 0.0, True) for n in (10, 100, 1000, 10**6)),
    *(
        Conversion(f"numbers {n:g} times too large", 1 / n, 0.0, True)
        for n in (10, 100, 1000, 10**6)
    ),
    *(Conversion(f"{odd} for {usual}", n, 0.0, plain) for odd, usual, n, plain in _UNITS),
    *(Conversion(f"{usual} for {odd}", 1 / n, 0.0, plain) for odd, usual, n, plain in _UNITS),
    *(Conversion(name, scale, offset, True) for name, scale, offset in _TEMPERATURES),
)


def conversion_between(odd: np.ndarray, usual: np.ndarray, *, plain_only: bool = False) -> str:
    """Say in which unit `odd` (N,) must be to be drawn as `usual` (M,) is; nothing if in none.

    Two samples whose distribution functions are far apart, and which one conversion alone brings
    together. Source: Kolmogorov and Smirnov's distance, with its 5 % point for large samples.
    """
    if min(len(np.unique(odd)), len(np.unique(usual))) < FEWEST:
        return ""
    if distance(odd, usual) < DIFFERENT:
        return ""
    candidates = [c for c in CONVERSIONS if c.is_plain or not plain_only]
    apart = [distance(c.scale * odd + c.offset, usual) for c in candidates]
    chance = 1.358 * np.sqrt(1 / len(odd) + 1 / len(usual))
    best = int(np.argmin(apart))
    return candidates[best].name if apart[best] <= max(ALIKE, chance) else ""


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Give the largest difference of the distribution functions of samples (N,) and (M,)."""
    a, b = np.sort(a), np.sort(b)
    at = np.concatenate([a, b])
    shares = (np.searchsorted(part, at, side="right") / len(part) for part in (a, b))
    return float(np.abs(np.subtract(*shares)).max())


def clusters_apart(values: np.ndarray, ratio: float = 1.5) -> tuple[np.ndarray, np.ndarray] | None:
    """Cut positive values (N,) at the widest gap on a logarithmic scale: the few, and the many.

    None where no value is `ratio` times the one below it, or a side has fewer than 20.
    """
    ordered = np.sort(values)
    if len(ordered) < 2 * FEWEST or ordered[0] <= 0:
        return None
    steps = ordered[1:] / ordered[:-1]
    steps[: FEWEST - 1], steps[len(steps) - FEWEST + 1 :] = 1.0, 1.0
    cut = int(steps.argmax()) + 1
    if steps[cut - 1] < ratio:
        return None
    low, high = ordered[:cut], ordered[cut:]
    return (low, high) if len(low) < len(high) else (high, low)
