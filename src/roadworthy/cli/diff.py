import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from roadworthy.core.report import Report

EXAMPLES = """
Examples:

  roadworthy diff before/report.json after/report.json
  roadworthy diff a.json b.json --json --gate
  roadworthy diff a.json b.json --out comparison.html
      every chart that both reports have, before and after in one

Exit codes: 0, or 1 with --gate when something became worse, 2 when a file is wrong.
"""


def diff(
    before: Annotated[
        Path, typer.Argument(help="Report of the earlier inspection: its folder, or report.json.")
    ],
    after: Annotated[Path, typer.Argument(help="That of the later one.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File for a page of both: comparison.html.", show_default=False),
    ] = None,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Exit 1 when something became worse.", show_default=False),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for a script.", show_default=False)
    ] = False,
) -> None:
    """Show what changed between two inspections, finding by finding."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from roadworthy.core.report import read_report
    from roadworthy.render.numbers import interval
    from roadworthy.workflows.diff import Change
    from roadworthy.workflows.diff import diff as compare

    old, new = read_report(before), read_report(after)
    difference = compare(old, new)
    page = None if out is None else _write(old, new, out)
    if as_json:
        entries = [
            {"key": entry.key, "change": str(entry.change), "text": entry.text}
            for entry in difference.entries
        ]
        typer.echo(json.dumps({"subject": difference.subject, "entries": entries}, indent=2))
    else:
        console = Console()
        for sentence in difference.subject:
            console.print(Text(sentence))
        table = Table(box=None, pad_edge=False)
        for heading in ("change", "finding", "before", "after"):
            table.add_column(heading)
        for entry in difference.entries:
            if entry.change is not Change.SAME:
                estimates = [
                    interval(found.estimate) if found is not None and found.estimate else ""
                    for found in (entry.before, entry.after)
                ]
                table.add_row(str(entry.change), Text(f"{entry.key} {entry.text}"), *estimates)
        same = sum(entry.change is Change.SAME for entry in difference.entries)
        console.print(table if table.row_count else "Nothing changed.")
        console.print(f"{same} findings are the same.", highlight=False)
        if page is not None:
            console.print(f"Before and after: {page}", highlight=False, soft_wrap=True)
    raise typer.Exit(1 if gate and difference.worse else 0)


def _write(before: "Report", after: "Report", out: Path) -> Path:
    from roadworthy.core.comparison import Comparison
    from roadworthy.core.errors import InputError

    try:
        return Comparison(before, after).save(out)
    except OSError as error:
        raise InputError(f"cannot write {out} ({error.strerror}): name another file") from None
