from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
Examples:

  roadworthy init
  roadworthy init --path policies/clinic.toml
"""

HEAD = """\
# What this organization judges models by. Every value below is the default: change it, or delete
# the line and keep the default. `roadworthy show check NAME` explains each check.

# The verdict at which `roadworthy inspect` exits with 1: fail, warn or none.
gate = "fail"

# Areas, checks or codes to run (an empty list means all), and to leave out.
only = []
skip = []

# To live with a finding until a day, say which, why and until when; the report shows all three.
# [[mute]]
# code = "RW-ROB-001:linf"
# reason = "The camera is sealed; see the risk file, section 4."
# until = "2027-06-30"

# Answers that no check can give, by item of a checklist or document; reports show them as declared.
# [declared]
# by = "A. Nurse, head of radiology"
# when = 2026-11-20
# "CLAIM:8" = "All adults who were examined in 2025; none was left out."
"""


def init(
    path: Annotated[
        Path, typer.Option("--path", help="Where to write it.", show_default=True)
    ] = Path("roadworthy.toml"),
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file that is there.", show_default=False)
    ] = False,
) -> None:
    """Write a policy file with every default and where it comes from."""
    from roadworthy.core.errors import InputError

    if path.exists() and not force:
        raise InputError(f"{path} is there already; --force replaces it")
    if not path.absolute().parent.is_dir():
        raise InputError(f"there is no folder {path.absolute().parent}; make it first")
    path.write_text(default_policy(), encoding="utf-8")
    typer.echo(f"Wrote {path}. `roadworthy inspect` uses roadworthy.toml where it is run.")


def default_policy() -> str:
    """Write the defaults of every check as TOML."""
    from roadworthy.checks import CHECKS
    from roadworthy.core.check import limits

    parts = [HEAD]
    for check in CHECKS:
        lines = [f"# {check.code}: {check.card.title}", f"[checks.{check.card.name}]"]
        for part in limits(check):
            side = "at most" if part.metadata["good"] == "below" else "at least"
            lines += [f"# {side}; {part.metadata['why']}", f"{part.name} = {part.default}"]
        if len(lines) > 2:
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)
