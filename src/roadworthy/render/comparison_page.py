import re
from dataclasses import dataclass

from markupsafe import Markup

from roadworthy.core.comparison import Change, Comparison, Effect, is_apart
from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Finding
from roadworthy.core.report import Report
from roadworthy.render.characters import presentable, visible
from roadworthy.render.environment import environment, source
from roadworthy.render.overlay import Overlay, overlays
from roadworthy.render.pair import Pair, pair

MOST_BYTES = 2 * 2**20  # of all charts
MEANINGS = {
    Effect.BETTER: "The number moved towards its good side, and the two intervals do not overlap.",
    Effect.WORSE: "The number moved away from its good side, and the two intervals do not overlap.",
    Effect.UNTRUSTED: "The number is better, but an alarm says that the test afterwards may have "
    "failed: a defense can mask errors, such as by taking away the gradients that an attack "
    "follows, and leave them where they are.",
    Effect.UNCLEAR: "The intervals overlap, so the number may be what it was.",
    Effect.UNJUDGED: "It was not assessed before or after, or nothing says which side is good.",
}


@dataclass(frozen=True)
class _Drawn:
    """A chart of both inspections, with its drawing unless the page is full."""

    overlay: Overlay
    svg: Markup | None


@dataclass(frozen=True)
class _Row:
    """One number in two inspections."""

    name: str
    before: Measure | None
    after: Measure | None
    pair: Pair

    @property
    def word(self) -> str:
        """What can be said of a number that no limit judges."""
        if self.before is None or self.after is None:
            return "not in both"
        return "changed" if is_apart(self.before, self.after) else "no clear change"


@dataclass(frozen=True)
class _Entry:
    """A finding of both inspections as the page shows it."""

    change: Change
    anchor: str
    pair: Pair | None
    rows: tuple[_Row, ...]
    charts: tuple[_Drawn, ...]


def page(comparison: Comparison, most_bytes: int = MOST_BYTES) -> str:
    """Write two inspections as one self-contained page that makes no request and has no script.

    Charts beyond `most_bytes` are left out, and the page says so.
    """
    sentence = visible(comparison.sentence)
    shown = Comparison(presentable(comparison.before), presentable(comparison.after))
    entries = _entries(shown.changes, most_bytes)
    areas = dict.fromkeys(entry.change.after.area for entry in entries)
    return (
        environment()
        .get_template("comparison.html.jinja")
        .render(
            before=shown.before,
            after=shown.after,
            sentence=sentence,
            # that a repair changes the model is what it is for
            differences=[said for said in shown.differences if said != "the model is not the same"],
            areas={
                area: [entry for entry in entries if entry.change.after.area == area]
                for area in areas
            },
            alone={
                "before": _only_in(shown.before, shown.after),
                "after": _only_in(shown.after, shown.before),
            },
            left_out=sum(drawn.svg is None for entry in entries for drawn in entry.charts),
            Effect=Effect,
            MEANINGS=MEANINGS,
            style=source("report.css") + source("comparison.css"),
        )
    )


def _only_in(report: Report, other: Report) -> list[Finding]:
    keys = {finding.key for finding in other.findings}
    return [finding for finding in report.findings if finding.key not in keys]


def _entries(changes: tuple[Change, ...], most_bytes: int) -> list[_Entry]:
    entries, room = [], most_bytes
    for number, change in enumerate(changes, start=1):
        anchor = f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', change.after.key)}-{number}"
        drawn, room = _draw(change, anchor, room)
        old, new = change.before.estimate, change.after.estimate
        entries.append(
            _Entry(
                change,
                anchor,
                pair(old, new, change.after.threshold) if old or new else None,
                _rows(change),
                drawn,
            )
        )
    return entries


def _draw(change: Change, anchor: str, room: int) -> tuple[tuple[_Drawn, ...], int]:
    """Draw a finding's charts, and give what room they leave."""
    from roadworthy.render.charts import draw_overlay  # slow to import, and not every page has any

    drawn = []
    for k, overlay in enumerate(overlays(change.before.figures, change.after.figures), start=1):
        svg = Markup(draw_overlay(overlay, f"{anchor}-figure-{k}")) if room > 0 else None
        room -= len(svg.encode()) if svg else 0
        drawn.append(_Drawn(overlay, svg if room >= 0 else None))
    return tuple(drawn), room


def _rows(change: Change) -> tuple[_Row, ...]:
    old, new = _measures(change.before), _measures(change.after)
    return tuple(
        _Row(name, old.get(name), new.get(name), pair(old.get(name), new.get(name)))
        for name in [*new, *(name for name in old if name not in new)]
    )


def _measures(finding: Finding) -> dict[str, Measure]:
    judged = () if finding.estimate is None else (finding.estimate,)
    return {measure.name: measure for measure in (*judged, *finding.measures)}
