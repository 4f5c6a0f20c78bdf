import io
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

from roadworthy.core.finding import Figure, Series
from roadworthy.render.axes import Layout, layout_of, name_axes, scale, short
from roadworthy.render.characters import visible
from roadworthy.render.looks import Look, looks_of, looks_of_sides
from roadworthy.render.overlay import Overlay
from roadworthy.render.svg import INK, MUTED, PAPER, inline

# one size for all, small enough that the letters stay legible when a phone shrinks the chart
WIDTH, HEIGHT = 400, 250
TALLEST = 1500
_SETTINGS: dict[Any, Any] = {
    "font.size": 12,
    "svg.fonttype": "none",
    "svg.hashsalt": "roadworthy",  # ids are the same in every run
    "text.parse_math": False,  # a name may hold a dollar sign
}
_MARKED = 8  # how many markers a line of many points has at most where it needs them


def draw_overlay(overlay: Overlay, prefix: str = "figure") -> str:
    """Draw a chart of two inspections as an inline SVG."""
    return draw(overlay.figure, prefix, looks_of_sides(overlay))


def draw(figure: Figure, prefix: str = "figure", looks: tuple[Look, ...] = ()) -> str:
    """Draw a chart as an inline SVG; equal figures give equal text.

    Colors are CSS variables with fallbacks, so the page decides between light and dark.

    Args:
        figure: what to draw.
        prefix: starts every id, so that two charts on a page do not meet.
        looks: how each series is drawn, where the figure's own order does not say.
    """
    layout = layout_of(figure)
    size = (WIDTH / 72, _height(figure, layout) / 72)
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # a style that the user set elsewhere is not for this page
        matplotlib.rcParams.update(_SETTINGS)
        # the reader's browser has fonts for what matplotlib's own font lacks
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas = Canvas(figsize=size, layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.add_subplot()
        _draw_series(axes, figure, layout, looks or looks_of(figure))
        _draw_lines(axes, figure, layout)
        scale(axes, figure, layout)
        name_axes(axes, figure, layout)
        _legend(axes, figure)
        file = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        canvas.savefig(file, format="svg", metadata=nothing, transparent=True)
    return inline(file.getvalue(), prefix, visible(figure.title), visible(figure.text))


def _height(figure: Figure, layout: Layout) -> float:
    legend = 18 * max(0, len(figure.series) - 3)
    if not layout.is_flat:
        return HEIGHT + legend
    bars = len(figure.series) if figure.kind == "bar" else 1
    rows = len(layout.categories) * max(15, 5 + 6 * bars)
    return min(max(HEIGHT, 70 + rows), TALLEST) + legend


def _draw_series(axes: Axes, figure: Figure, layout: Layout, looks: tuple[Look, ...]) -> None:
    width = _bar_width(figure, layout)
    for place, (series, look) in enumerate(zip(figure.series, looks, strict=True)):
        spots = layout.spots(series)
        if figure.kind == "bar":
            shift = (place - (len(figure.series) - 1) / 2) * width
            _draw_bars(axes, [spot + shift for spot in spots], series, width, layout, look)
        elif figure.kind == "points":
            at = (series.y, spots) if layout.is_flat else (spots, series.y)
            _draw_intervals(axes, spots, series, layout.is_flat, look.color, look.line)
            axes.plot(*at, look.marker, color=look.color, markersize=5, **_filling(look))
        else:
            _draw_line(axes, figure.kind, spots, series, look)


def _draw_bars(
    axes: Axes, spots: list[float], series: Series, width: float, layout: Layout, look: Look
) -> None:
    bars = axes.barh if layout.is_flat else axes.bar
    filling = {"color": look.color, "alpha": 0.85, "linewidth": 0}
    if not look.is_filled:
        filling = {"facecolor": (look.color, 0.15), "edgecolor": look.color, "linewidth": 1.2}
    bars(spots, series.y, width * 0.92, **filling)
    _draw_intervals(axes, spots, series, layout.is_flat, INK)


def _filling(look: Look) -> dict[str, Any]:
    return {} if look.is_filled else {"markerfacecolor": PAPER}


def _bar_width(figure: Figure, layout: Layout) -> float:
    places = sorted({spot for series in figure.series for spot in layout.spots(series)})
    gaps = [b - a for a, b in pairwise(places)]
    return 0.8 * min(gaps, default=1.0) / max(1, len(figure.series))


def _draw_line(axes: Axes, kind: str, spots: Sequence[float], series: Series, look: Look) -> None:
    is_step, is_long = kind == "step", len(spots) > 30
    axes.plot(
        spots,
        series.y,
        color=look.color,
        linewidth=1.8,
        linestyle=look.line,
        drawstyle="steps-post" if is_step else "default",
        marker=look.marker if look.is_marked or not (is_long or is_step) else "",
        markersize=4.5,
        markevery=-(-len(spots) // _MARKED) if is_long else 1,
        **_filling(look),
    )
    if series.low:
        axes.fill_between(
            spots,
            series.low,
            series.high,
            color=look.color,
            alpha=0.16,
            linewidth=0,
            step="post" if is_step else None,
        )


def _draw_intervals(
    axes: Axes,
    spots: Sequence[float],
    series: Series,
    is_flat: bool,
    color: str,
    line: str = "-",
) -> None:
    if series.low:
        across = axes.hlines if is_flat else axes.vlines
        across(spots, series.low, series.high, color=color, linewidth=1.3, linestyle=line)


def _draw_lines(axes: Axes, figure: Figure, layout: Layout) -> None:
    """Draw the diagonal and the marks."""
    spots = [spot for series in figure.series for spot in layout.spots(series)]
    if figure.diagonal and spots:
        ends = [min(spots), max(spots)]
        axes.plot(ends, ends, color=MUTED, linestyle=(0, (4, 3)), linewidth=1, zorder=1)
    for place, (x, label) in enumerate(figure.marks):
        (axes.axhline if layout.is_flat else axes.axvline)(x, color=INK, linewidth=1, dashes=(2, 2))
        is_right = bool(spots) and x > (min(spots) + max(spots)) / 2
        axes.annotate(
            short(label, 34),
            (1, x) if layout.is_flat else (x, 1),
            xycoords=axes.get_yaxis_transform() if layout.is_flat else axes.get_xaxis_transform(),
            xytext=(-4 if is_right or layout.is_flat else 4, -3 - 13 * place),
            textcoords="offset points",
            ha="right" if is_right or layout.is_flat else "left",
            va="top",
            color=INK,
            fontsize=11,
            bbox={"facecolor": PAPER, "alpha": 0.85, "linewidth": 0, "pad": 1.5},
            zorder=5,
            in_layout=False,
        )


def _legend(axes: Axes, figure: Figure) -> None:
    if len(figure.series) < 2:
        return
    # every series has drawn one artist that shows its color, in order
    shown = axes.containers if figure.kind == "bar" else axes.lines[: len(figure.series)]
    labels = [short(series.name, 40) for series in figure.series]
    columns = max(1, min(3, 58 // (6 + max(map(len, labels)))))
    axes.figure.legend(
        list(shown),
        labels,
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        fontsize=11,
        labelcolor=INK,
        borderaxespad=0,
    )
