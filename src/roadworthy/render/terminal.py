from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from roadworthy.core.finding import Finding, Verdict
from roadworthy.core.report import Report
from roadworthy.render import numbers, outcome
from roadworthy.render.characters import one_line, presentable

_STYLES = {
    Verdict.PASS: "green",
    Verdict.NOT_ASSESSED: "dim",
    Verdict.WARN: "yellow",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold magenta",
}


def terminal_summary(report: Report) -> RenderableType:
    """Show a report's outcome on a terminal: every finding, the alarms, and the three worst.

    Everything is `Text`, so no name in a report is read as markup.
    """
    report = presentable(report)
    heading = Text(f"{report.inspected.model} × {report.inspected.dataset}", style="bold")
    parts: list[RenderableType] = [heading, Text(""), _findings(report), Text("")]
    for finding in report.findings:
        parts += [_alarm(finding, alarm.text) for alarm in finding.alarms]
    for finding in outcome.worst(report):
        parts += [*_worst(finding), Text("")]
    parts.append(_outcome(report))
    return Group(*parts)


def _findings(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for area, findings in outcome.areas(report).items():
        table.add_row(Text(area.capitalize(), style="bold"))
        for finding in findings:
            table.add_row(
                Padding(_verdict(finding), (0, 0, 0, 2)),
                Text(one_line(finding.title)),
                Text(numbers.interval(finding.estimate) if finding.estimate else ""),
                Text(finding.code, style="dim"),
            )
    return table


def _verdict(finding: Finding) -> Text:
    word = outcome.WORDS[finding.verdict] + (", alarm" if finding.alarms else "")
    if finding.muted:
        return Text(f"{outcome.SYMBOLS[finding.verdict]} {word}, muted", style="dim")
    return Text(f"{outcome.SYMBOLS[finding.verdict]} {word}", style=_STYLES[finding.verdict])


def _alarm(finding: Finding, text: str) -> Text:
    return Text.assemble(
        ("The test itself may not be trustworthy: ", "bold yellow"),
        f"{one_line(finding.title)}: {one_line(text)}\n",
    )


def _worst(finding: Finding) -> list[RenderableType]:
    shown: list[RenderableType] = [
        Text.assemble(_verdict(finding), "  ", (one_line(finding.title), "bold"))
    ]
    said = [finding.claim, finding.reason, *(remedy.text for remedy in finding.remedies[:1])]
    shown += [Padding(Text(one_line(text)), (0, 0, 0, 2), expand=False) for text in said if text]
    shown += [
        # a command that is cut into lines could not be copied
        Padding(
            Text(one_line(remedy.command), style="cyan", overflow="fold"),
            (0, 0, 0, 2),
            expand=False,
        )
        for remedy in finding.remedies[:1]
        if remedy.command
    ]
    return shown


def _outcome(report: Report) -> Text:
    said = outcome.outcome(report)
    return Text.assemble((said[:1].upper() + said[1:], "bold"), ". ", outcome.gate(report))
