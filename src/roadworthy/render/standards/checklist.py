from roadworthy.core.report import Report
from roadworthy.render import outcome
from roadworthy.render.characters import presentable
from roadworthy.render.markdown import facts
from roadworthy.render.markdown_text import plain
from roadworthy.render.standards.answers import (
    Answer,
    Status,
    answers,
    blank,
    counts,
    declared_line,
    finding_line,
)
from roadworthy.render.standards.standard import Standard, of_kind

MEANING = (
    "Measured means that this inspection has a number for the item, not that the number is good: "
    "its verdict stands beside it. What nobody measured or declared is NOT ASSESSED."
)


def page(report: Report) -> str:
    """Write how every item of the checklists is answered, as Markdown."""
    report = presentable(report)
    answered = {standard: answers(standard, report) for standard in of_kind("checklist")}
    parts = [
        f"# Checklists: {plain(report.inspected.model)} × {plain(report.inspected.dataset)}",
        MEANING,
        _summary(answered),
    ]
    for standard, given in answered.items():
        parts += [f"## {standard.title}", provenance(standard)]
        for section, items in standard.sections.items():
            lines = [_item(answer) for answer in given if answer.item in items]
            parts += [f"### {section}", "\n".join(lines)]
    parts += ["## What this rests on", facts(report), outcome.VOID]
    return "\n\n".join(parts) + "\n"


def provenance(standard: Standard) -> str:
    """Say of which version the items are, and where and when they were read."""
    doubted = [item.id for item in standard.items if not item.checked]
    doubt = f" Not checked at any source: {', '.join(doubted)}." if doubted else ""
    return (
        f"{standard.version}. Items in our own words, read on {standard.date} at "
        f"{standard.source} ({standard.source_is}).{doubt}"
    )


def _summary(answered: dict[Standard, tuple[Answer, ...]]) -> str:
    heads = ("checklist", "items", *Status)
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for standard, given in answered.items():
        cells = (standard.id, len(given), *counts(given).values())
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _item(answer: Answer) -> str:
    said = [*answer.facts, *map(finding_line, answer.judged), *map(finding_line, answer.silent)]
    if answer.declared:
        said.append(declared_line(answer.declared))
    lines = [f"- **{answer.name}** {answer.item.heading}: **{answer.status}**"]
    lines += [f"    - {plain(text)}" for text in said]
    if answer.is_open and answer.status is Status.PARTLY:
        lines.append(f"    - {blank(answer)}")
    return "\n".join(lines)
