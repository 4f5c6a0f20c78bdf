"""Pure functions from a report to text; they know reports, never checks, models or stores."""

from collections.abc import Callable
from pathlib import PurePath

from roadworthy.core.comparison import Comparison
from roadworthy.core.errors import InputError
from roadworthy.core.report import Report
from roadworthy.render import comparison_page, html, junit, markdown, sarif
from roadworthy.render.cells import cell
from roadworthy.render.standards import checklist, document
from roadworthy.render.terminal import terminal_summary

FORMATS: dict[str, Callable[[Report], str]] = {
    ".html": html.page,
    ".json": Report.to_json,
    ".md": markdown.page,
    ".sarif": sarif.log,
    ".xml": junit.suites,
}

# what `roadworthy report --as` takes
FORMS: dict[str, Callable[[Report], str]] = {
    "annex-iv": document.annex_iv,
    "model-card": document.model_card,
    "datasheet": document.datasheet,
    "checklist": checklist.page,
    "html": html.page,
    "json": Report.to_json,
    "junit": junit.suites,
    "markdown": markdown.page,
    "sarif": sarif.log,
}


def render(report: Report, filename: str) -> str:
    """Write a report in the format that a file's name asks for.

    Raises:
        InputError: no format has that ending.
    """
    ending = PurePath(filename).suffix.lower()
    if ending not in FORMATS:
        raise InputError(
            f"no format of a report is called {filename!r}: end the name in {', '.join(FORMATS)}"
        )
    return FORMATS[ending](report)


def render_comparison(comparison: Comparison, filename: str) -> str:
    """Write two inspections as one page.

    Raises:
        InputError: the file's name does not end in `.html`.
    """
    if PurePath(filename).suffix.lower() != ".html":
        raise InputError(f"a comparison is a page, and {filename!r} is not: end the name in .html")
    return comparison_page.page(comparison)


__all__ = ["FORMATS", "FORMS", "cell", "render", "render_comparison", "terminal_summary"]
