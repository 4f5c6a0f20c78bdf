import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from roadworthy.core.finding import Figure, Finding, Picture
from roadworthy.core.report import Report
from roadworthy.render import outcome
from roadworthy.render.characters import presentable
from roadworthy.render.environment import environment, source
from roadworthy.render.png import png
from roadworthy.render.standards.answers import answers
from roadworthy.render.standards.standard import of_kind
from roadworthy.render.strip import Strip, strip

Draw = Callable[[Figure, str], str]  # a chart and the start of its ids, to an inline SVG

MOST_BYTES = 5 * 2**20
_ROOM = 1000  # bytes that the sentence about what was left out may take


@dataclass(frozen=True)
class _Part:
    """A figure or a picture as text, under a name that is unique on the page."""

    name: str
    text: str


@dataclass(frozen=True)
class _Entry:
    """A finding as the page shows it."""

    finding: Finding
    anchor: str
    strip: Strip | None
    figures: tuple[_Part, ...]
    pictures: tuple[tuple[_Part, ...], ...]  # for each of the finding's examples


@dataclass(frozen=True)
class _LeftOut:
    """The names of what would have made the page too large."""

    pictures: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


def draw_chart(figure: Figure, prefix: str) -> str:
    """Draw a chart as an inline SVG whose ids start with `prefix`."""
    from roadworthy.render import charts  # slow to import, and many a page has no chart

    return charts.draw(figure, prefix)


def page(report: Report, most_bytes: int = MOST_BYTES, draw: Draw = draw_chart) -> str:
    """Write a report as one self-contained page that makes no request.

    A page that would be larger than `most_bytes` leaves out pictures from the end, then figures,
    and says so.
    """
    report = presentable(report)
    entries = _entries(report, draw)
    text = _fill(report, entries, _LeftOut())
    excess = len(text.encode()) - most_bytes
    return text if excess <= 0 else _fill(report, entries, _choose(entries, excess + _ROOM))


def _fill(report: Report, entries: tuple[_Entry, ...], left_out: _LeftOut) -> str:
    script = source("report.js")
    digest = hashlib.sha256(script.encode()).digest()
    by_key = {entry.finding.key: entry for entry in entries}
    return (
        environment()
        .get_template("report.html.jinja")
        .render(
            report=report,
            areas={
                area: [entry for entry in entries if entry.finding.area == area]
                for area in outcome.areas(report)
            },
            by_key=by_key,
            checklists={s: answers(s, report) for s in of_kind("checklist")},
            left_out=left_out,
            style=source("report.css"),
            script=script,
            script_hash=base64.b64encode(digest).decode(),
        )
    )


def _entries(report: Report, draw: Draw) -> tuple[_Entry, ...]:
    anchors: dict[str, None] = {}
    entries = []
    for finding in report.findings:
        anchor = re.sub(r"[^A-Za-z0-9_.-]+", "-", finding.key)
        while anchor in anchors:
            anchor += "-"
        anchors[anchor] = None
        entries.append(
            _Entry(
                finding,
                anchor,
                strip(finding),
                tuple(_draw(finding, anchor, draw)),
                tuple(
                    tuple(
                        _Part(f"{anchor}-picture-{k}-{j}", _data_uri(picture))
                        for j, picture in enumerate(part.pictures, start=1)
                    )
                    for k, part in enumerate(finding.examples, start=1)
                ),
            )
        )
    return tuple(entries)


def _draw(finding: Finding, anchor: str, draw: Draw) -> list[_Part]:
    names = [f"{anchor}-figure-{k}" for k in range(1, len(finding.figures) + 1)]
    return [
        _Part(name, Markup(draw(figure, name)))
        for name, figure in zip(names, finding.figures, strict=True)
    ]


def _data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()


def _choose(entries: tuple[_Entry, ...], excess: int) -> _LeftOut:
    """Choose pictures from the end, then figures, until leaving them out saves `excess` bytes."""
    pictures = [part for entry in entries for group in entry.pictures for part in group]
    figures = [part for entry in entries for part in entry.figures]
    chosen: tuple[list[str], list[str]] = ([], [])
    for names, parts in zip(chosen, (pictures, figures), strict=True):
        for part in reversed(parts):
            if excess <= 0:
                break
            names.append(part.name)
            excess -= len(part.text.encode())
    return _LeftOut(*map(tuple, chosen))
