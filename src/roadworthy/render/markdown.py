from roadworthy.core.finding import Finding, Verdict
from roadworthy.core.report import Report
from roadworthy.render import numbers, outcome
from roadworthy.render.characters import presentable
from roadworthy.render.markdown_text import code_block, digits, plain


def page(report: Report) -> str:
    """Write a report as Markdown, for a comment, a wiki or an issue."""
    report = presentable(report)
    parts = [
        f"# Roadworthy inspection: {plain(report.inspected.model)} × "
        f"{plain(report.inspected.dataset)}",
        f"**{outcome.outcome(report).capitalize()}.** {plain(outcome.gate(report))}",
        _summary(report),
    ]
    shown = [finding for finding in report.worst if finding.verdict != Verdict.PASS]
    shown += [f for f in report.findings if f.verdict == Verdict.PASS and f.alarms]
    parts += [_finding(finding) for finding in shown]
    parts += ["## What this report rests on", facts(report), outcome.VOID]
    return "\n\n".join(parts) + "\n"


def _summary(report: Report) -> str:
    lines = ["| verdict | finding | estimate | n | code |", "|---|---|---|---|---|"]
    for area, findings in outcome.areas(report).items():
        lines.append(f"| **{plain(area.capitalize())}** | | | | |")
        for finding in findings:
            estimate = finding.estimate
            cells = (
                _verdict(finding),
                plain(finding.title),
                plain(numbers.interval(estimate)) if estimate else "",
                numbers.number(estimate.n) if estimate else "",
                plain(finding.key),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _verdict(finding: Finding) -> str:
    said = f"{outcome.SYMBOLS[finding.verdict]} {outcome.WORDS[finding.verdict]}"
    said += ", **alarm**" if finding.alarms else ""
    return said + (", muted" if finding.muted else "")


def _finding(finding: Finding) -> str:
    parts = [f"## {_verdict(finding)}: {plain(finding.title)}", plain(finding.claim)]
    parts += [
        f"**The test itself may not be trustworthy:** {plain(a.text)}" for a in finding.alarms
    ]
    parts += [plain(text) for text in (finding.reason, outcome.muted(finding)) if text]
    if finding.estimate and finding.threshold:
        limit = outcome.limit(finding.threshold, finding.estimate.unit)
        parts.append(
            f"{plain(finding.estimate.name)}: {plain(numbers.interval(finding.estimate))}; it "
            f"should be {limit} ({plain(finding.threshold.source)})."
        )
    for remedy in finding.remedies:
        parts.append(f"- {plain(remedy.text)}")
        if remedy.command:
            parts.append(code_block(remedy.command))
    return "\n\n".join(parts)


def facts(report: Report) -> str:
    """List what ties a text to the model, the data and the policy that it is about."""
    inspected, judged = report.inspected, report.judged
    facts = (
        ("model", f"{plain(inspected.model)} `{digits(inspected.model_hash)}`"),
        ("dataset", f"{plain(inspected.dataset)} `{digits(inspected.dataset_hash)}`"),
        ("splits", plain(inspected.origin)),
        ("policy", f"{plain(judged.policy)} `{digits(judged.policy_hash)}`"),
        ("Roadworthy", f"{plain(judged.version)} `{digits(judged.code_hash)}`"),
        ("seed and budget", f"{judged.seed}, {plain(judged.budget)}"),
        ("inspected", plain(report.times.started)),
    )
    lines = [f"- {name}: {fact}" for name, fact in facts]
    lines += [f"- note: {plain(note)}" for note in inspected.notes]
    return "\n".join(lines) + (f"\n\n{code_block(judged.command)}" if judged.command else "")
