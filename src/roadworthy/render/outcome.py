"""What a report comes to, in words that every format shares."""

from roadworthy.core.finding import Finding, Threshold, Verdict
from roadworthy.core.policy import exit_code
from roadworthy.core.report import Report
from roadworthy.render.numbers import number

WORDS = {
    Verdict.PASS: "pass",
    Verdict.NOT_ASSESSED: "not assessed",
    Verdict.WARN: "warn",
    Verdict.FAIL: "fail",
    Verdict.ERROR: "error",
}
SYMBOLS = {
    Verdict.PASS: "✓",
    Verdict.NOT_ASSESSED: "○",
    Verdict.WARN: "▲",
    Verdict.FAIL: "✗",
    Verdict.ERROR: "■",
}
WORST_FIRST = (Verdict.ERROR, Verdict.FAIL, Verdict.WARN, Verdict.NOT_ASSESSED, Verdict.PASS)
VOID = (
    "This report holds for exactly the model, the dataset and the policy whose fingerprints it "
    "names. When one of them changes, it is void: inspect again."
)
_COUNTED = (
    (Verdict.ERROR, "error", "errors"),
    (Verdict.FAIL, "failed", "failed"),
    (Verdict.WARN, "warning", "warnings"),
    (Verdict.PASS, "passed", "passed"),
    (Verdict.NOT_ASSESSED, "not assessed", "not assessed"),
)


def heard(report: Report) -> tuple[Finding, ...]:
    """Give the findings that nobody muted."""
    return tuple(finding for finding in report.findings if finding.muted is None)


def tally(report: Report) -> tuple[tuple[str, int], ...]:
    """Count the findings by what they come to, a muted one as muted only; what is 0 is left out."""
    verdicts = [finding.verdict for finding in heard(report)]
    counts = [(one, many, verdicts.count(verdict)) for verdict, one, many in _COUNTED]
    counts.append(("muted", "muted", len(report.findings) - len(verdicts)))
    return tuple((one if n == 1 else many, n) for one, many, n in counts if n)


def outcome(report: Report) -> str:
    """Say what the inspection comes to, such as `2 failed, 3 warnings, 9 passed, 1 muted`."""
    return ", ".join(f"{n} {word}" for word, n in tally(report)) or "nothing was checked"


def gate(report: Report) -> str:
    """Say at which verdict the inspection fails, and whether it does."""
    if report.judged.gate == "none":
        return "No verdict closes the gate."
    is_closed = exit_code(report.findings, report.judged.gate, strict=False) == 1
    state = "closed" if is_closed else "open"
    return f"The gate closes at “{report.judged.gate}”; it is {state}."


def areas(report: Report) -> dict[str, tuple[Finding, ...]]:
    """Group the findings by area, in the report's order."""
    names = dict.fromkeys(finding.area for finding in report.findings)
    return {name: tuple(f for f in report.findings if f.area == name) for name in names}


def worst(report: Report, most: int = 3) -> tuple[Finding, ...]:
    """Give the worst: what broke, failed or warned, then what is not known; nothing muted."""
    heard = (finding for finding in report.worst if finding.muted is None)
    return tuple(finding for finding in heard if finding.verdict is not Verdict.PASS)[:most]


def unassessed(report: Report) -> tuple[Finding, ...]:
    """Give the findings that say nothing about the model, muted ones included."""
    unknown = (Verdict.NOT_ASSESSED, Verdict.ERROR)
    return tuple(finding for finding in report.findings if finding.verdict in unknown)


def limit(threshold: Threshold, unit: str) -> str:
    """Say on which side of which number a model should be."""
    side = "at most" if threshold.good == "below" else "at least"
    return f"{side} {number(threshold.limit, unit)}"


def muted(finding: Finding) -> str:
    """Say who lives with the finding until when and why; empty when nobody does."""
    mute = finding.muted
    return f"muted until {mute.until}: {mute.reason}" if mute else ""
