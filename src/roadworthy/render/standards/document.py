from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Finding
from roadworthy.core.report import Report
from roadworthy.render import numbers, outcome
from roadworthy.render.characters import presentable
from roadworthy.render.markdown import facts
from roadworthy.render.markdown_text import plain
from roadworthy.render.standards.answers import (
    JUDGMENTS,
    Answer,
    answers,
    blank,
    counts,
    declared_line,
    finding_line,
)
from roadworthy.render.standards.checklist import provenance
from roadworthy.render.standards.front_matter import front_matter
from roadworthy.render.standards.standard import Standard, of_kind, spoken_to, standards

_HEADS = "| measure | value | 95 % interval | n | method |\n|---|---|---|---|---|"


def annex_iv(report: Report) -> str:
    """Write a draft that supports technical documentation under Annex IV, as Markdown."""
    report = presentable(report)
    return _document(standards()["ANNEX-IV"], "Technical documentation", report, _mapped(report))


def model_card(report: Report) -> str:
    """Write a draft of a model card, as Markdown with front matter for the Hugging Face Hub."""
    report = presentable(report)
    standard = standards()["MODEL-CARD"]
    return front_matter(standard, report) + _document(standard, "Model card", report)


def datasheet(report: Report) -> str:
    """Write a draft of a datasheet for the dataset, as Markdown."""
    report = presentable(report)
    return _document(standards()["DATASHEET"], "Datasheet", report)


def _document(standard: Standard, title: str, report: Report, *appendices: str) -> str:
    given = answers(standard, report)
    about = report.inspected.dataset if standard.id == "DATASHEET" else report.inspected.model
    parts = [f"# {title}: {plain(about)}", _preface(standard, given, report)]
    for section, items in standard.sections.items():
        parts.append(f"## {section}")
        for answer in given:
            if answer.item in items:
                parts += [f"### {_label(answer)}{answer.item.heading}", _said(answer)]
    used = dict.fromkeys(finding.key for answer in given for finding in answer.judged)
    parts.append("## Measurements")
    parts += [_measurements(f) for f in report.findings if f.key in used] or ["There are none."]
    parts += [*appendices, "## What this rests on", facts(report), outcome.VOID]
    return "\n\n".join(part for part in parts if part) + "\n"


def _label(answer: Answer) -> str:
    # numbers are what a law is cited by; the names of a card's items would only repeat headings
    return f"{answer.item.id} " if answer.item.id[0].isdigit() else ""


def _preface(standard: Standard, given: tuple[Answer, ...], report: Report) -> str:
    number = counts(given)
    tally = "; ".join(f"{n} {status}" for status, n in number.items() if n)
    return (
        f"A draft that supports documentation for {standard.title}. It states what an "
        f"inspection measured on {plain(report.times.started[:10])} with Roadworthy "
        f"{plain(report.judged.version)}, and leaves the rest open: a person must fill in each "
        f"gap, or declare it by its name in brackets, and answer for the whole. Of {len(given)} "
        f"items: {tally}.\n\n"
        f"{provenance(standard)}"
    )


def _said(answer: Answer) -> str:
    lines = [*answer.facts, *map(finding_line, (*answer.judged, *answer.silent))]
    text = "\n".join(f"- {plain(line)}" for line in lines)
    parts = [text] if text else []
    if answer.declared:
        parts.append(plain(declared_line(answer.declared)))
    if answer.is_open:
        parts.append(blank(answer))
    return "\n\n".join(parts)


def _measurements(finding: Finding) -> str:
    measures = dict.fromkeys(filter(None, (finding.estimate, *finding.measures)))
    lines = [f"**{plain(finding.title)}** ({plain(finding.key)}): {plain(finding.claim)}"]
    if finding.estimate and finding.threshold:
        limit = outcome.limit(finding.threshold, finding.estimate.unit)
        lines.append(f"Should be {plain(limit)} ({plain(finding.threshold.source)}).")
    if measures:
        rows = "\n".join(_row(measure) for measure in measures)
        lines.append(f"{_HEADS}\n{rows}")
    return "\n\n".join(lines)


def _row(measure: Measure) -> str:
    cells = (
        measure.name,
        numbers.number(measure.value, measure.unit),
        numbers.bounds(measure),
        numbers.number(measure.n),
        measure.method,
    )
    return f"| {' | '.join(map(plain, cells))} |"


def _mapped(report: Report) -> str:
    """List which items of the frameworks the judged findings support documentation for."""
    judged = tuple(finding for finding in report.findings if finding.verdict in JUDGMENTS)
    parts = ["## Where else these findings support documentation"]
    for standard in of_kind("framework"):
        lines = [
            f"- {item.id}, {item.heading}: "
            + ", ".join(dict.fromkeys(plain(finding.code) for finding in about))
            for item, about in spoken_to(standard, judged).items()
        ]
        if lines:
            parts += [f"### {standard.title}", provenance(standard), "\n".join(lines)]
    return "\n\n".join(parts) if len(parts) > 1 else ""
