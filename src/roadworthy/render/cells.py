from markupsafe import Markup

from roadworthy.core.comparison import Comparison
from roadworthy.core.finding import Figure, Finding
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.report import Report
from roadworthy.core.study import Study
from roadworthy.render.characters import presentable, visible
from roadworthy.render.environment import environment
from roadworthy.render.html import draw_chart


def cell(shown: Report | Finding | Figure | Study | Comparison) -> str:
    """Write a result as a piece of HTML for a notebook's cell."""
    if isinstance(shown, Comparison):
        return _fill(
            "comparison",
            changes=Comparison(presentable(shown.before), presentable(shown.after)).changes,
            sentence=visible(shown.sentence),
        )
    name = type(shown).__name__.lower()
    return _fill(name, **{name: presentable(shown)})


def _fill(name: str, **words: object) -> str:
    return environment().get_template(f"cell_{name}.html.jinja").render(drawn=_drawn, **words)


def _drawn(figure: Figure) -> Markup:
    """Draw a chart; its ids are its own, as a notebook shows many cells on one page."""
    return Markup(draw_chart(figure, f"cell-{fingerprint(figure)[:12]}"))
