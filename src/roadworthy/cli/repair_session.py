import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from roadworthy.cli.data_options import DataOptions
from roadworthy.cli.kept_charts import keep_charts
from roadworthy.cli.progress import Bar
from roadworthy.cli.session import Work, load, writable, write_report
from roadworthy.cli.session import choose_policy as choose_policy_of
from roadworthy.core.comparison import Effect
from roadworthy.core.effort import Effort
from roadworthy.core.errors import InputError
from roadworthy.core.finding import Verdict
from roadworthy.core.policy import Policy
from roadworthy.core.report import read_report
from roadworthy.render.characters import one_line
from roadworthy.render.numbers import on_two_lines
from roadworthy.sources import save_bundle
from roadworthy.workflows.chosen_items import choose_items
from roadworthy.workflows.defenses import DEFENSES
from roadworthy.workflows.repair import AREAS, Repaired, repair

NOT_BETTER = 1
STYLES = {Effect.BETTER: "green", Effect.WORSE: "red", Effect.UNTRUSTED: "yellow"}


@dataclass(frozen=True)
class Request:
    """A repair as the command line asks for it.

    Args:
        work: on what, and how.
        defenses: names, in the order to apply them.
        settings: `name.field=value`.
        out: folder for the repaired model.
        report: folder for the reports and the page that compares them, or None.
        policy: what to judge by.
        effort: how much work an inspection may be.
    """

    work: Work
    defenses: tuple[str, ...]
    settings: tuple[str, ...]
    out: Path
    report: Path | None
    policy: Policy
    effort: Effort


def choose_policy(path: Path | None, only: list[str], skip: list[str]) -> Policy:
    """Read the policy file, if any; without a choice, judge what a repaired model can change."""
    policy = choose_policy_of(path, None, only, skip)
    return policy if policy.only else replace(policy, only=AREAS)


def read_proposal(
    path: Path, model: str | None, data: str | None, options: DataOptions
) -> tuple[str, str, DataOptions, tuple[str, ...], tuple[str, ...]]:
    """Take model, data, and the defenses that a report proposes with their settings from it.

    A defense that several findings propose gets the settings of the first of them.

    Raises:
        InputError: the report says nothing of them.
    """
    report = read_report(path)
    if model is None:
        model, data, options = _inspected(path, report.judged.command)
    bad = (Verdict.WARN, Verdict.FAIL)
    proposed: dict[str, tuple[str, ...]] = {}
    for finding in report.findings:
        for remedy in finding.remedies:
            if finding.verdict in bad and remedy.defense:
                proposed.setdefault(remedy.defense, remedy.settings)
    if not proposed:
        raise InputError(f"{path} proposes no defense that can be applied: name one with --defense")
    settings = tuple(setting for given in proposed.values() for setting in given)
    return model, data or "", options, tuple(proposed), settings


def _inspected(path: Path, command: str) -> tuple[str, str, DataOptions]:
    """Read model, data and options from the command that repeats an inspection."""
    import typer.main

    from roadworthy.cli.main import app

    words = shlex.split(command)
    if words[:2] != ["roadworthy", "inspect"]:
        raise InputError(f"{path} does not say what was inspected: name MODEL and DATA")
    verb = typer.main.get_command(app).commands["inspect"]  # type: ignore[attr-defined]
    given = verb.make_context("inspect", words[2:]).params
    return given["model"], given["data"], DataOptions.of(given)


def run(request: Request, as_json: bool) -> int:
    """Repair, save, show; give the exit code."""
    defenses = choose_items(DEFENSES, request.defenses, request.settings)
    folder = None if request.report is None else writable(request.report)
    with Bar() as bar:
        data, model = load(request.work, bar)
        repaired = repair(
            model,
            data,
            defenses,
            policy=request.policy,
            budget=request.effort,
            seed=request.work.seed,
            device=request.work.device,
            store=request.work.store / "artifacts",
            fresh=request.work.fresh,
            include_rows=request.work.include_rows,
            arguments=request.work.arguments,
            progress=bar,
        )
    saved = save_bundle(repaired.model, request.out)
    page = None
    if folder is not None:
        draw = keep_charts(request.work.store / "charts")
        for name, report in (("before", repaired.before), ("after", repaired.after)):
            write_report(report, writable(folder / name), draw)
        page = repaired.save(folder / "comparison.html")
    if as_json:
        sys.stdout.write(as_text(repaired))
    else:
        console = Console()
        show(repaired, console)
        if page is not None:
            console.print(f"Before and after: {page}", highlight=False, soft_wrap=True)
        console.print(f"The repaired model: {saved}", highlight=False, soft_wrap=True)
    effects = {change.effect for change in repaired.changes}
    return 0 if Effect.BETTER in effects and Effect.WORSE not in effects else NOT_BETTER


def show(repaired: Repaired, console: Console) -> None:
    """Print what became of every finding, and the repair in a sentence."""
    table = Table(box=None, pad_edge=False)
    for heading in ("finding", "before", "after", "effect"):
        table.add_column(heading, no_wrap=heading in ("before", "after"))
    for change in repaired.changes:
        estimates = [
            str(found.verdict) if found.estimate is None else on_two_lines(found.estimate)
            for found in (change.before, change.after)
        ]
        effect = Text(str(change.effect), style=STYLES.get(change.effect, ""))
        table.add_row(Text(one_line(change.after.title)), *estimates, effect)
    console.print(table)
    console.print()
    for change in repaired.changes:
        for alarm in change.after.alarms:
            console.print(Text(f"{change.after.title}: {alarm.text}", style="yellow"))
    console.print(Text(repaired.sentence, style="bold"))


def as_text(repaired: Repaired) -> str:
    """Write the comparison as JSON."""
    entries = [
        {
            "key": change.after.key,
            "effect": str(change.effect),
            "before": change.before.estimate,
            "after": change.after.estimate,
            "verdict_before": change.before.verdict,
            "verdict_after": change.after.verdict,
        }
        for change in repaired.changes
    ]
    whole = {"model": repaired.model.spec.name, "said": repaired.sentence, "changes": entries}
    return msgspec.json.format(msgspec.json.encode(whole)).decode() + "\n"
