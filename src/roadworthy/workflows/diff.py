from dataclasses import dataclass
from enum import StrEnum

from roadworthy.core.comparison import Comparison
from roadworthy.core.finding import SEVERITY, Finding, Verdict
from roadworthy.core.report import Report


class Change(StrEnum):
    """How a finding differs between two inspections."""

    NEW = "new"  # only the later inspection has it
    GONE = "gone"  # only the earlier one has it
    WORSE = "worse"  # a worse verdict, or an estimate that is worse beyond doubt
    BETTER = "better"
    MOVED = "moved"  # the estimates differ beyond doubt, but no limit says which way is good
    UNSURE = "unsure"  # judged in one of them only, so nothing is known of the change
    SAME = "same"


_UNJUDGED = (Verdict.NOT_ASSESSED, Verdict.ERROR)


@dataclass(frozen=True)
class Entry:
    """One finding in two inspections.

    Args:
        key: code and scope.
        change: what became of it.
        before: the finding in the earlier inspection, or None.
        after: the finding in the later one, or None.
        text: the change in a sentence.
    """

    key: str
    change: Change
    before: Finding | None
    after: Finding | None
    text: str


@dataclass(frozen=True)
class Difference:
    """What changed between two inspections.

    Args:
        subject: which of model, dataset, policy and code are not the same, as sentences.
        entries: every finding of either, in the later report's order.
    """

    subject: tuple[str, ...]
    entries: tuple[Entry, ...]

    @property
    def worse(self) -> tuple[Entry, ...]:
        """The findings that became worse, or are new and not passed."""
        bad = (Verdict.WARN, Verdict.FAIL, Verdict.ERROR)
        return tuple(
            entry
            for entry in self.entries
            if entry.change is Change.WORSE
            or (entry.change is Change.NEW and entry.after and entry.after.verdict in bad)
        )


def diff(before: Report, after: Report) -> Difference:
    """Compare two inspections finding by finding.

    An estimate counts as changed only when the two intervals do not overlap.
    """
    old = {finding.key: finding for finding in before.findings}
    new = {finding.key: finding for finding in after.findings}
    entries = [_compare(key, old.get(key), new.get(key)) for key in [*new, *(old.keys() - new)]]
    return Difference(Comparison(before, after).differences, tuple(entries))


def _compare(key: str, before: Finding | None, after: Finding | None) -> Entry:
    if before is None or after is None:
        present = after or before
        assert present is not None
        change = Change.GONE if after is None else Change.NEW
        return Entry(key, change, before, after, f"{present.title}: {present.verdict}")
    change = _change(before, after)
    text = f"{after.title}: {before.verdict}"
    if after.verdict != before.verdict:
        text += f" → {after.verdict}"
    return Entry(key, change, before, after, text)


def _change(before: Finding, after: Finding) -> Change:
    unjudged = [finding.verdict in _UNJUDGED for finding in (before, after)]
    if all(unjudged):
        return Change.SAME
    if any(unjudged):
        return Change.UNSURE
    moved = _estimate_change(before, after)
    if after.verdict != before.verdict:
        is_worse = SEVERITY[after.verdict] > SEVERITY[before.verdict]
        return Change.WORSE if is_worse else Change.BETTER
    return moved


def _estimate_change(before: Finding, after: Finding) -> Change:
    a, b = before.estimate, after.estimate
    if a is None or b is None or (b.low <= a.high and a.low <= b.high):
        return Change.SAME
    if after.threshold is None:
        return Change.MOVED
    rose = b.value > a.value
    return Change.BETTER if rose == (after.threshold.good == "above") else Change.WORSE
