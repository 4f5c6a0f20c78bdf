"""How numbers are written, on every page and in every format."""

import math

from roadworthy.core.estimates import Measure


def number(value: float, unit: str = "") -> str:
    """Write a number for a reader: shares as %, seconds as ms or s, bytes as KiB or MiB."""
    if unit == "share":
        return _share(value)
    if unit == "s":
        return f"{_plain(1000 * value)} ms" if abs(value) < 1 else f"{_plain(value)} s"
    if unit == "bytes":
        return _bytes(value)
    return f"{_plain(value)} {unit}".rstrip()


def interval(measure: Measure) -> str:
    """Write an estimate with its interval, which a number that is known exactly does not have."""
    value = number(measure.value, measure.unit)
    return f"{value} {bounds(measure)}".rstrip()


def bounds(measure: Measure) -> str:
    """Write the interval alone; empty where nothing was sampled."""
    if measure.low == measure.high:
        return ""
    return f"[{number(measure.low, measure.unit)}, {number(measure.high, measure.unit)}]"


def on_two_lines(measure: Measure) -> str:
    """Write an estimate above its interval, so that a narrow screen has room for both."""
    return f"{number(measure.value, measure.unit)}\n{bounds(measure)}".rstrip()


def cell(value: str | float | int | None) -> str:
    """Write a table's cell; a whole number may be a name, so it keeps all its digits."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return _plain(value) if isinstance(value, float) else str(value)


def _plain(value: float) -> str:
    if value == round(value) and abs(value) < 1e15:
        return f"{round(value):,}"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return f"{value:.3g}"
    # three significant digits, but never fewer than the whole part has
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _share(value: float) -> str:
    percent = 100 * value
    if abs(percent) in (0, 100):
        return f"{round(percent)}%"
    for decimals in (1, 2, 3, 4, 5):
        text = f"{percent:.{decimals}f}"
        # nearly none is not none, and nearly all is not all
        if abs(float(text)) not in (0, 100):
            return f"{text}%"
    return f"{percent:.10g}%"


def _bytes(value: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if abs(value) < 1024:
            return f"{_plain(value)} {unit}"
        value /= 1024
    return f"{_plain(value)} GiB"
