import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, ScalarFormatter

from roadworthy.core.finding import Figure, Series
from roadworthy.render.characters import one_line, visible
from roadworthy.render.numbers import number
from roadworthy.render.svg import GRID, MUTED

LABEL, MOST_LABELS = 26, 110


@dataclass(frozen=True)
class Layout:
    """Where the values of `Series.x` lie.

    Args:
        categories: each lies at its number in this list; empty when values lie where they are.
        is_flat: the categories run down the page, so that their names can be read.
    """

    categories: tuple[float | str, ...]
    is_flat: bool

    def spots(self, series: Series) -> list[float]:
        """Give the places of a series' values along the axis."""
        if not self.categories:
            return [float(x) for x in series.x]
        places = {x: float(place) for place, x in enumerate(self.categories)}
        return [places[x] for x in series.x]

    @property
    def names(self) -> list[str]:
        """The names of the categories."""
        return [x if isinstance(x, str) else number(x) for x in self.categories]


def layout_of(figure: Figure) -> Layout:
    """Choose between categories and numbers, and between columns and rows of bars."""
    values = [x for series in figure.series for x in series.x]
    is_bar_on_log = figure.kind == "bar" and figure.x_scale == "log"
    if not is_bar_on_log and not any(isinstance(x, str) for x in values):
        return Layout((), False)
    layout = Layout(tuple(dict.fromkeys(values)), False)
    is_crowded = len(layout.names) > 10 or sum(map(len, layout.names)) > 50
    return Layout(layout.categories, is_crowded and figure.kind in ("bar", "points"))


def scale(axes: Axes, figure: Figure, layout: Layout) -> None:
    """Set the scales, their ends and the labels of their ticks."""
    if layout.categories:
        _label_categories(axes, layout)
    elif figure.x_scale == "log":
        spots = [spot for series in figure.series for spot in layout.spots(series)]
        _scale_log(axes.xaxis, axes.set_xscale, spots)
    if figure.y_scale == "log":
        values = [value for s in figure.series for value in (*s.y, *s.low, *s.high)]
        _scale_log(axes.yaxis, axes.set_yscale, values)
    if figure.y_range:
        (axes.set_xlim if layout.is_flat else axes.set_ylim)(*figure.y_range)
    for numeric in (axes.xaxis, axes.yaxis):
        if isinstance(numeric.get_major_formatter(), ScalarFormatter):
            numeric.set_major_formatter(ScalarFormatter(useOffset=False, useMathText=False))


def _label_categories(axes: Axes, layout: Layout) -> None:
    names = [short(name, LABEL) for name in layout.names]
    room = MOST_LABELS if layout.is_flat else max(1, 60 // max(4, *map(len, names)))
    every = -(-len(names) // room)  # too many names are thinned out
    along = axes.yaxis if layout.is_flat else axes.xaxis
    along.set_ticks(range(0, len(names), every), names[::every])
    if layout.is_flat:
        axes.set_ylim(len(names) - 0.4, -0.6)  # the first name on top


def _scale_log(along: Axis, set_scale: Callable[..., None], values: list[float]) -> None:
    positive = [value for value in values if value > 0]
    if not positive:
        return
    if len(positive) == len(values):
        set_scale("log")
    else:  # a logarithm would drop the points at 0 and below without a word
        set_scale("symlog", linthresh=min(positive))
    if max(values) < 30 * min(values):  # less than two powers of ten to put a label at
        places = sorted(set(values))
        along.set_major_locator(FixedLocator(places[:: -(-len(places) // 6)]))
    along.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    along.set_minor_formatter(NullFormatter())


def name_axes(axes: Axes, figure: Figure, layout: Layout) -> None:
    """Name the axes and draw them quietly."""
    across, up = _wrapped(figure.x_label, 52), _wrapped(figure.y_label, 30)
    if layout.is_flat:
        across, up = _wrapped(figure.y_label, 52), _wrapped(figure.x_label, 30)
    axes.set_xlabel(across, color=MUTED)
    axes.set_ylabel(up, color=MUTED)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(which="both", color=GRID, labelcolor=MUTED, labelsize=11)
    axes.grid(axis="x" if layout.is_flat else "y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def short(text: str, most: int) -> str:
    """Cut a name to the letters that there is room for."""
    text = one_line(visible(text))
    return text if len(text) <= most else text[: most - 1] + "…"


def _wrapped(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(visible(text), width, max_lines=2, placeholder="…"))
