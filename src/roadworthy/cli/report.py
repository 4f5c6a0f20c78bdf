from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from roadworthy.cli.data_options import DeclaredFile, option

EXAMPLES = """
Examples:

  roadworthy report report/report.json --as model-card --out README.md
  roadworthy report report/report.json --as annex-iv --declared answers.toml --out annex-iv.md
  roadworthy report report/report.json --as checklist

FORM is one of annex-iv, model-card, datasheet, checklist, html, json, junit, markdown, sarif.
"""


def report(
    file: Annotated[
        Path, typer.Argument(metavar="REPORT", help="Folder of a report, or its report.json.")
    ],
    form: Annotated[str, typer.Option("--as", metavar="FORM", help="What to write.")],
    declared: DeclaredFile = None,
    out: Annotated[
        Path | None, option("--out", help="File to write; printed where there is none.")
    ] = None,
    force: Annotated[bool, option("--force", help="Replace the file that is there.")] = False,
) -> None:
    """Write a report in another form: a document to complete, a checklist, another format."""
    from roadworthy.core.declared import merged, read_declared
    from roadworthy.core.errors import InputError
    from roadworthy.core.report import read_report
    from roadworthy.render import FORMS
    from roadworthy.render.standards import must_know

    if form not in FORMS:
        raise InputError(f"--as takes {', '.join(FORMS)}, not {form!r}")
    if out is not None and out.exists() and not force:
        # somebody may have filled in its blanks
        raise InputError(f"{out} is there already; --force replaces it")
    read = read_report(file)
    if declared is not None:
        answers = read_declared(declared)
        must_know(answers)
        read = replace(read, declared=merged(read.declared, answers))
    text = FORMS[form](read)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {out} ({error.strerror})") from None
    typer.echo(f"Wrote {out}.")
