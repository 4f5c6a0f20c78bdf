import io
import sys
import traceback

import typer

from roadworthy import __version__
from roadworthy.cli import (
    attack,
    catalog,
    compare,
    data_audit,
    data_relabel,
    data_select,
    diff,
    inspection,
    label,
    policy_file,
    repair,
    report,
    train,
)

INPUT_WRONG, BROKEN = 2, 70

LOOP = """Look at the training rows, correct them by what surely helps, pick the ones that matter.

The loop: audit lists what is odd about rows; look through the list; relabel tries what is left of
it by training anew and keeps what surely helps; train on the data as corrected; audit again.
"""

app = typer.Typer(
    name="roadworthy",
    help="Inspect a model for what breaks models in the field, and hand out a report others can "
    "check.\n\nStart with: roadworthy inspect",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
data = typer.Typer(help=LOOP, no_args_is_help=True, rich_markup_mode=None)
for group, name, verb, examples in (
    (app, "inspect", inspection.inspect, inspection.EXAMPLES),
    (app, "attack", attack.attack, attack.EXAMPLES),
    (app, "repair", repair.repair, repair.EXAMPLES),
    (app, "train", train.train, train.EXAMPLES),
    (app, "label", label.label, label.EXAMPLES),
    (app, "compare", compare.compare, compare.EXAMPLES),
    (data, "audit", data_audit.audit, data_audit.EXAMPLES),
    (data, "relabel", data_relabel.relabel, data_relabel.EXAMPLES),
    (data, "select", data_select.select, data_select.EXAMPLES),
    (app, "diff", diff.diff, diff.EXAMPLES),
    (app, "report", report.report, report.EXAMPLES),
    (app, "init", policy_file.init, policy_file.EXAMPLES),
    (app, "list", catalog.list_kind, catalog.LIST_EXAMPLES),
    (app, "show", catalog.show, catalog.SHOW_EXAMPLES),
):
    # \b keeps the lines of a paragraph as they are
    group.command(name, help=f"{verb.__doc__}\n\n" + examples.strip().replace("\n\n", "\n\n\b\n"))(
        verb
    )

app.add_typer(data, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"roadworthy {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line; `roadworthy inspect --help` lists the exit codes."""
    from roadworthy.core.errors import InputError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every console has a ✓
    try:
        app()
    except InputError as error:
        typer.echo(f"roadworthy: {error}", err=True)
        sys.exit(INPUT_WRONG)
    except Exception:
        traceback.print_exc()
        typer.echo("roadworthy: this is a fault of Roadworthy's own; please report it", err=True)
        sys.exit(BROKEN)
