import io
import sys
import traceback

import typer

from roadworthy import __version__
from roadworthy.cli import (
    attack,
    catalog,
    compare,
    diff,
    inspection,
    label,
    policy_file,
    repair,
    report,
    train,
)

INPUT_WRONG, BROKEN = 2, 70

app = typer.Typer(
    name="roadworthy",
    help="Inspect a model for what breaks models in the field, and hand out a report others can "
    "check.\n\nStart with: roadworthy inspect",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for name, verb, examples in (
    ("inspect", inspection.inspect, inspection.EXAMPLES),
    ("attack", attack.attack, attack.EXAMPLES),
    ("repair", repair.repair, repair.EXAMPLES),
    ("train", train.train, train.EXAMPLES),
    ("label", label.label, label.EXAMPLES),
    ("compare", compare.compare, compare.EXAMPLES),
    ("diff", diff.diff, diff.EXAMPLES),
    ("report", report.report, report.EXAMPLES),
    ("init", policy_file.init, policy_file.EXAMPLES),
    ("list", catalog.list_kind, catalog.LIST_EXAMPLES),
    ("show", catalog.show, catalog.SHOW_EXAMPLES),
):
    # \b keeps the lines of a paragraph as they are
    app.command(name, help=f"{verb.__doc__}\n\n" + examples.strip().replace("\n\n", "\n\n\b\n"))(
        verb
    )


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
