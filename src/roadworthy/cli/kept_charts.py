from functools import cache
from importlib.metadata import version
from pathlib import Path

from roadworthy import render
from roadworthy.core.atomic import replacing
from roadworthy.core.finding import Figure
from roadworthy.core.fingerprint import fingerprint
from roadworthy.render.html import Draw, draw_chart


def keep_charts(folder: Path) -> Draw:
    """Give a function that draws a chart once and keeps it: drawing is most of a second report."""

    def draw(figure: Figure, prefix: str) -> str:
        path = folder / f"{fingerprint(repr(figure), prefix, _code())}.svg"
        if not path.exists():
            with replacing(path) as temporary:
                temporary.write_text(draw_chart(figure, prefix), encoding="utf-8")
        return path.read_text(encoding="utf-8")

    return draw


@cache
def _code() -> str:
    """Hash what draws: a chart that other code drew is not reused."""
    files = sorted(Path(render.__file__).parent.glob("*.py"))
    return fingerprint([file.read_bytes() for file in files], version("matplotlib"))
