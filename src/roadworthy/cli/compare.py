import json
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
Examples:

  roadworthy diff before/report.json after/report.json
  roadworthy diff a.json b.json --json --gate

Exit codes: 0, or 1 with --gate when something became worse, 2 when a file is wrong.
"""


def diff(
    before: Annotated[Path, typer.Argument(help="report.json of the earlier inspection.")],
    after: Annotated[Path, typer.Argument(help="report.json of the later inspection.")],
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
    from roadworthy.workflows import compare

    difference = compare.diff(read_report(before), read_report(after))
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
            if entry.change is not compare.Change.SAME:
                estimates = [
                    interval(found.estimate) if found is not None and found.estimate else ""
                    for found in (entry.before, entry.after)
                ]
                table.add_row(str(entry.change), Text(f"{entry.key} {entry.text}"), *estimates)
        same = sum(entry.change is compare.Change.SAME for entry in difference.entries)
        console.print(table if table.row_count else "Nothing changed.")
        console.print(f"{same} findings are the same.", highlight=False)
    raise typer.Exit(1 if gate and difference.worse else 0)
