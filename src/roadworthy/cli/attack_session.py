import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from roadworthy.attacks import ATTACKS
from roadworthy.cli.kept_charts import keep_charts
from roadworthy.cli.progress import Bar
from roadworthy.cli.session import Work, load, writable, write_report
from roadworthy.core.artifact import Bench, Store
from roadworthy.core.atomic import replacing
from roadworthy.core.attack import EvasionAttack
from roadworthy.core.detector import Detector
from roadworthy.core.errors import InputError
from roadworthy.core.finding import Finding, Table
from roadworthy.core.threads import threads_for
from roadworthy.guards import DETECTORS
from roadworthy.render import numbers
from roadworthy.render.characters import one_line
from roadworthy.workflows.attacking import (
    IN_BATCHES,
    Attacked,
    choose_threat,
    conclude,
    run_attacks_on,
)
from roadworthy.workflows.chosen_items import choose_items
from roadworthy.workflows.detecting import check_detectors, watch, with_detectors
from roadworthy.workflows.inspection import make_subject, report_of, without_rows


@dataclass(frozen=True)
class Request:
    """An attack as the command line asks for it.

    Args:
        work: on what, and how.
        attacks: names, in the order to run them.
        settings: `name.field=value`.
        norm: kind of threat, or None.
        eps: budget, or None.
        immutable: columns of a table that cannot change.
        targeted: class to reach, or how to choose one; empty means any.
        rows: test rows to attack.
        queries: forward passes per row and attack.
        seconds: time per attack.
        detectors: names of those that are tried as well.
        out: `.npz` file for what was found.
        report: folder for a report.
    """

    work: Work
    attacks: tuple[str, ...]
    settings: tuple[str, ...]
    norm: str | None
    eps: float | None
    immutable: tuple[str, ...]
    targeted: str
    rows: int
    queries: int | None
    seconds: float | None
    detectors: tuple[str, ...]
    out: Path | None
    report: Path | None


def run(request: Request, as_json: bool) -> int:
    """Attack, print what was found, write what was asked for; give the exit code."""
    attacks, detectors = _chosen(request)
    if request.rows < 1:
        raise InputError(f"--rows takes a number from 1, not {request.rows}")
    if request.out is not None and request.out.suffix != ".npz":
        raise InputError(f"--out takes a .npz file, not {request.out}")
    folder = None if request.report is None else writable(request.report)
    with Bar() as bar:
        data, model = load(request.work, bar)
        check_detectors(detectors, data)
        threat = choose_threat(attacks, data, request.norm, request.eps, request.immutable)
        subject = make_subject(
            model,
            data,
            seed=request.work.seed,
            device=request.work.device,
            arguments=request.work.arguments,
        )
        bench = Bench(subject, Store(request.work.store / "artifacts", request.work.fresh), bar)
        limits = replace(IN_BATCHES, queries=request.queries, seconds=request.seconds)
        with threads_for(data.test.x):
            attacked = run_attacks_on(
                bench, attacks, threat, request.rows, request.targeted, limits
            )
            tests = watch(bench, detectors, attacks, threat, request.rows, request.targeted, limits)
        finding = conclude(bench, attacked)
        if tests:
            finding = with_detectors(finding, tests)
    if not request.work.include_rows:
        finding = without_rows(finding)
    if request.out is not None:
        save(attacked, bench, request.out)
    if folder is not None:
        report = report_of(
            bench, (finding,), include_rows=request.work.include_rows, command=_command(request)
        )
        write_report(report, folder, keep_charts(request.work.store / "charts"))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(finding)).decode() + "\n")
    else:
        show(finding, attacked, Console())
    return 0


def _chosen(request: Request) -> tuple[tuple[EvasionAttack, ...], tuple[Detector, ...]]:
    """Make attacks and detectors; a setting `name.field=value` goes to the one it names."""
    if not request.detectors:
        return choose_items(ATTACKS, request.attacks, request.settings), ()
    theirs = tuple(text for text in request.settings if text.partition(".")[0] in DETECTORS)
    others = tuple(text for text in request.settings if text not in theirs)
    attacks = choose_items(ATTACKS, request.attacks, others)
    return attacks, choose_items(DETECTORS, request.detectors, theirs)


def show(finding: Finding, attacked: Attacked, console: Console) -> None:
    """Print a finding: its claim, its tables, its alarms; and how long the attacks took."""
    console.print(Text(finding.claim))
    for data in finding.tables:
        console.print()
        console.print(_table(data))
    console.print()
    for measure in finding.measures:
        console.print(Text(f"{one_line(measure.name)}: {numbers.interval(measure)}"))
    names = (attack.card.name for attack, _ in attacked.runs)
    times = [f"{n} {s:.1f} s" for n, s in zip(names, attacked.seconds, strict=True)]
    console.print(Text("time: " + ", ".join(times), style="dim"))
    for alarm in finding.alarms:
        console.print(
            Text.assemble(("The test itself may not be trustworthy: ", "bold yellow"), alarm.text)
        )


def save(attacked: Attacked, bench: Bench, path: Path) -> None:
    """Write rows, inputs before and after, classes, distances and who found them."""
    test = bench.subject.dataset.test
    names = np.array([attack.card.name for attack, _ in attacked.runs])
    found_by = attacked.found_by.numpy()
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            x=attacked.x.numpy(),
            x_original=test.x[attacked.rows].numpy(),
            y=test.y[attacked.rows].numpy(),
            row=test.ids[attacked.rows].numpy(),
            distance=attacked.distance.numpy(),
            success=attacked.distance.isfinite().numpy(),
            attack=np.where(found_by < 0, "", names[found_by]),
        )


def _table(data: Table) -> RichTable:
    table = RichTable(title=data.title, title_justify="left", box=None, pad_edge=False)
    for k, column in enumerate(data.columns):
        table.add_column(column, justify="left" if k == 0 else "right")
    for row in data.rows:
        table.add_row(*(Text(numbers.cell(value)) for value in row))
    return table


def _command(request: Request) -> str:
    words = ["--attack", ",".join(request.attacks), "--rows", str(request.rows)]
    words += [word for setting in request.settings for word in ("--set", setting)]
    words += [word for name in request.immutable for word in ("--immutable", name)]
    given = {
        "--norm": request.norm,
        "--eps": request.eps,
        "--targeted": request.targeted or None,
        "--queries": request.queries,
        "--seconds": request.seconds,
        "--detector": ",".join(request.detectors) or None,
    }
    words += [w for flag, value in given.items() if value is not None for w in (flag, str(value))]
    words += ["--seed", str(request.work.seed)]
    return f"roadworthy attack {request.work.arguments} {shlex.join(words)}"
