"""Pure functions from a report to text; they know reports, never checks, models or stores."""

from collections.abc import Callable
from pathlib import PurePath

from roadworthy.core.errors import InputError
from roadworthy.core.report import Report
from roadworthy.render import html, junit, markdown, sarif
from roadworthy.render.html import notebook
from roadworthy.render.terminal import terminal_summary

FORMATS: dict[str, Callable[[Report], str]] = {
    ".html": html.page,
    ".json": Report.to_json,
    ".md": markdown.page,
    ".sarif": sarif.log,
    ".xml": junit.suites,
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


__all__ = ["FORMATS", "notebook", "render", "terminal_summary"]
