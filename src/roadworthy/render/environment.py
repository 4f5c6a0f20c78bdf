from functools import cache
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from roadworthy.core.finding import Table, Verdict
from roadworthy.render import numbers, outcome
from roadworthy.render.standards import checklist
from roadworthy.render.standards.answers import Status, counts, declared_line, finding_line
from roadworthy.render.strip import WIDTH

MOST_ROWS = 100  # of a table or a list of examples; the rest is in the report's JSON
_LINKS = {
    "arxiv:": "https://arxiv.org/abs/",
    "doi:": "https://doi.org/",
    "openreview:": "https://openreview.net/forum?id=",
}


@cache
def environment() -> Environment:
    """Give what fills the templates of every page; all that it fills in is escaped."""
    made = Environment(
        loader=PackageLoader("roadworthy.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": numbers.number,
        "interval": numbers.interval,
        "bounds": numbers.bounds,
        "cell": numbers.cell,
        "limit": outcome.limit,
        "link": _link,
        "numeric_columns": _numeric_columns,
        "counts": counts,
        "declared_line": declared_line,
        "finding_line": finding_line,
        "provenance": checklist.provenance,
    }
    made.globals |= {
        "outcome": outcome,
        "CHECKLISTS_MEAN": checklist.MEANING,
        "Status": Status,
        "Verdict": Verdict,
        "MOST_ROWS": MOST_ROWS,
        "STRIP_WIDTH": WIDTH,
    }
    return made


def source(name: str) -> Markup:
    """Read a style sheet or a script as it is written."""
    made = environment()
    assert made.loader is not None
    return Markup(made.loader.get_source(made, name)[0])


def _numeric_columns(table: Table) -> set[int]:
    columns = enumerate(zip(*table.rows, strict=True))
    return {k for k, cells in columns if not any(isinstance(cell, str) for cell in cells)}


def _link(reference: str) -> Markup | str:
    """Make a link of `arxiv:…` and `doi:…`; other references stay words."""
    for scheme, address in _LINKS.items():
        if reference.lower().startswith(scheme):
            target = address + quote(reference[len(scheme) :], safe="/:;()<>.-_")
            return Markup('<a href="{}" rel="noreferrer">{}</a>').format(target, reference)
    return reference
