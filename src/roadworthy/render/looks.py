from dataclasses import dataclass

from roadworthy.core.finding import Figure
from roadworthy.render.overlay import Overlay
from roadworthy.render.svg import SERIES

_MARKERS = ("o", "s", "^", "D", "v", "P")
_STYLES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Look:
    """How a series is drawn.

    Args:
        color: of lines, markers and bars.
        line: matplotlib's style of lines.
        marker: matplotlib's marker.
        is_filled: markers and bars are full, not outlines.
        is_marked: lines of many points have markers too.
    """

    color: str
    line: str
    marker: str
    is_filled: bool = True
    is_marked: bool = False


def looks_of(figure: Figure) -> tuple[Look, ...]:
    """Choose a color for each series, then a marker and a style."""
    return tuple(
        Look(
            SERIES[place % len(SERIES)],
            _STYLES[place // len(SERIES) % len(_STYLES)],
            _MARKERS[place % len(_MARKERS)],
        )
        for place in range(len(figure.series))
    )


def looks_of_sides(overlay: Overlay) -> tuple[Look, ...]:
    """Draw what was dashed and hollow, what is solid and full: no color is needed to tell them."""
    is_one = max((side.place for side in overlay.sides), default=0) == 0
    return tuple(
        Look(
            SERIES[0] if side.is_after else SERIES[1],
            "-" if side.is_after else "--",
            _MARKERS[side.place % len(_MARKERS)],
            is_filled=side.is_after,
            is_marked=not is_one,
        )
        for side in overlay.sides
    )
