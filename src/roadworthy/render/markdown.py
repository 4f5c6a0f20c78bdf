import re

from roadworthy.core.finding import Finding, Verdict
from roadworthy.core.report import Report
from roadworthy.render import numbers, outcome
from roadworthy.render.characters import one_line, presentable

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "://": "&#58;//", "www.": "www&#46;"}
_SPECIAL = re.compile(r"[\\`*_\[\]|~$]")
_ENTITY = re.compile("|".join(map(re.escape, _ENTITIES)), re.IGNORECASE)
_BLOCK = re.compile(r"^([#+\-=]|\d+[.)](?=\s|$))")


def page(report: Report) -> str:
    """Write a report as Markdown, for a comment, a wiki or an issue."""
    report = presentable(report)
    parts = [
        f"# Roadworthy inspection: {_text(report.inspected.model)} × "
        f"{_text(report.inspected.dataset)}",
        f"**{outcome.outcome(report).capitalize()}.** {_text(outcome.gate(report))}",
        _summary(report),
    ]
    shown = [finding for finding in report.worst if finding.verdict != Verdict.PASS]
    shown += [f for f in report.findings if f.verdict == Verdict.PASS and f.alarms]
    parts += [_finding(finding) for finding in shown]
    parts += ["## What this report rests on", _facts(report), outcome.VOID]
    return "\n\n".join(parts) + "\n"


def _summary(report: Report) -> str:
    lines = ["| verdict | finding | estimate | n | code |", "|---|---|---|---|---|"]
    for area, findings in outcome.areas(report).items():
        lines.append(f"| **{_text(area.capitalize())}** | | | | |")
        for finding in findings:
            estimate = finding.estimate
            cells = (
                _verdict(finding),
                _text(finding.title),
                _text(numbers.interval(estimate)) if estimate else "",
                numbers.number(estimate.n) if estimate else "",
                _text(finding.key),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _verdict(finding: Finding) -> str:
    said = f"{outcome.SYMBOLS[finding.verdict]} {outcome.WORDS[finding.verdict]}"
    said += ", **alarm**" if finding.alarms else ""
    return said + (", muted" if finding.muted else "")


def _finding(finding: Finding) -> str:
    parts = [f"## {_verdict(finding)}: {_text(finding.title)}", _text(finding.claim)]
    parts += [
        f"**The test itself may not be trustworthy:** {_text(a.text)}" for a in finding.alarms
    ]
    parts += [_text(text) for text in (finding.reason, outcome.muted(finding)) if text]
    if finding.estimate and finding.threshold:
        limit = outcome.limit(finding.threshold, finding.estimate.unit)
        parts.append(
            f"{_text(finding.estimate.name)}: {_text(numbers.interval(finding.estimate))}; it "
            f"should be {limit} ({_text(finding.threshold.source)})."
        )
    for remedy in finding.remedies:
        parts.append(f"- {_text(remedy.text)}")
        if remedy.command:
            parts.append(_code(remedy.command))
    return "\n\n".join(parts)


def _facts(report: Report) -> str:
    inspected, judged = report.inspected, report.judged
    facts = (
        ("model", f"{_text(inspected.model)} `{_hash(inspected.model_hash)}`"),
        ("dataset", f"{_text(inspected.dataset)} `{_hash(inspected.dataset_hash)}`"),
        ("splits", _text(inspected.origin)),
        ("policy", f"{_text(judged.policy)} `{_hash(judged.policy_hash)}`"),
        ("Roadworthy", f"{_text(judged.version)} `{_hash(judged.code_hash)}`"),
        ("seed and budget", f"{judged.seed}, {_text(judged.budget)}"),
        ("inspected", _text(report.times.started)),
    )
    lines = [f"- {name}: {fact}" for name, fact in facts]
    lines += [f"- note: {_text(note)}" for note in inspected.notes]
    return "\n".join(lines) + (f"\n\n{_code(judged.command)}" if judged.command else "")


def _hash(text: str) -> str:
    return re.sub(r"\W", "", text)


def _text(text: str) -> str:
    """Write a text so that Markdown shows it as it is: no markup, no HTML, no link, one line."""
    text = _ENTITY.sub(lambda found: _ENTITIES[found.group().lower()], one_line(text))
    return _BLOCK.sub(_escaped_start, _SPECIAL.sub(r"\\\g<0>", text))


def _escaped_start(found: re.Match[str]) -> str:
    start = found.group()
    return f"{start[:-1]}\\{start[-1]}"


def _code(command: str) -> str:
    longest = max(map(len, re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}console\n{one_line(command)}\n{fence}"
