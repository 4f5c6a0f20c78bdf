import dataclasses
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

import typer
from rich.console import Console
from rich.table import Table

from roadworthy.checks import CHECKS
from roadworthy.cli.data_options import DataOptions
from roadworthy.cli.kept_charts import keep_charts
from roadworthy.cli.progress import Bar
from roadworthy.core.artifact import Bench, Store
from roadworthy.core.dataset import Dataset
from roadworthy.core.declared import merged, read_declared
from roadworthy.core.effort import Effort
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.core.policy import GATES, Gate, Policy, exit_code, read_policy
from roadworthy.core.report import Report
from roadworthy.frameworks.http_post import without_secrets
from roadworthy.render import FORMATS, html, terminal_summary
from roadworthy.render.html import Draw
from roadworthy.render.standards import must_know
from roadworthy.sources import DATASETS, baseline_for, load_dataset, load_model
from roadworthy.workflows.inspection import (
    choose_device,
    make_subject,
    plan_inspection,
    run_inspection,
)

POLICY_FILE = Path("roadworthy.toml")
INTERRUPTED = 130  # as a shell reports Ctrl-C
STOPPED = "Stopped. What is finished is kept: the same command goes on from there."


@dataclass(frozen=True)
class Work:
    """What every verb about a model and data is told.

    Args:
        model: MODEL.
        data: DATA.
        options: how to load them.
        arguments: both, as words of a shell command.
        seed: the root of every random number.
        device: `auto`, `cpu` or `cuda`.
        store: folder that keeps finished work.
        fresh: ignore what it holds.
        include_rows: let rows of the data into the report.
    """

    model: str
    data: str
    options: DataOptions
    arguments: str
    seed: int
    device: str
    store: Path
    fresh: bool
    include_rows: bool

    @classmethod
    def of(
        cls,
        model: str | None,
        data: str | None,
        options: DataOptions,
        *,
        seed: int,
        device: str = "cpu",
        store: Path | None = None,
        fresh: bool = False,
        include_rows: bool = False,
    ) -> "Work":
        """Fill in what the user left out."""
        choose_device(device)  # what is wrong is said before data are read
        model, data = complete_arguments(model, data, options.text is not None)
        return cls(
            model=model,
            data=data,
            options=options,
            arguments=name_arguments(model, data, options),
            seed=seed,
            device=device,
            store=store or default_store(),
            fresh=fresh,
            include_rows=include_rows,
        )


@dataclass(frozen=True)
class Request:
    """An inspection as the command line asks for it.

    Args:
        work: on what, and how.
        out: folder for the report.
        policy: what to judge by.
        strict: exit 3 when something could not be assessed.
        effort: how much work it may be.
    """

    work: Work
    out: Path
    policy: Policy
    strict: bool
    effort: Effort


def complete_arguments(
    model: str | None, data: str | None, is_text: bool = False
) -> tuple[str, str]:
    """Fill in what was left out: a dataset alone gets the baseline that fits it."""
    if model is None:
        data = data or "digits"
        return baseline_for(data, is_text), data
    is_data = model in DATASETS or Path(model).suffix in (".npz", ".csv", ".parquet")
    if data is None and (is_data or is_text):
        return baseline_for(model, is_text), model
    if data is None:
        return model, "digits"
    return model, data


def name_arguments(model: str, data: str, options: DataOptions) -> str:
    """Write model and data as words of a shell command, fit for a report."""
    return shlex.join([without_secrets(model), data, *options.words()])


def choose_policy(
    path: Path | None,
    gate: str | None,
    only: list[str],
    skip: list[str],
    declared: Path | None = None,
) -> Policy:
    """Read the policy file, if any, and let the options overrule it.

    Raises:
        InputError: the file or an option is wrong.
    """
    if path is None and POLICY_FILE.is_file():
        path = POLICY_FILE
    policy = Policy() if path is None else read_policy(path, CHECKS)
    if gate is not None and gate not in GATES:
        raise InputError(f"--gate takes {', '.join(GATES)}, not {gate!r}")
    policy = dataclasses.replace(
        policy,
        gate=cast(Gate, gate) if gate else policy.gate,
        only=tuple(only) or policy.only,
        skip=(*policy.skip, *skip),
        declared=merged(policy.declared, () if declared is None else read_declared(declared)),
    )
    must_know(policy.declared)
    if not policy.choose(CHECKS):
        raise InputError("--only and --skip leave no check to run")
    return policy


def default_store() -> Path:
    """Give the folder where finished work is kept unless told otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "roadworthy"


def show_plan(request: Request) -> None:
    """Print what an inspection would compute, and for which checks."""
    bench = _prepare(request, Bar())
    plan = plan_inspection(bench, request.policy)
    table = Table(title="What would be computed", title_justify="left")
    for heading in ("artifact", "about", "for"):
        table.add_column(heading)
    for name in plan.artifacts:
        seconds = plan.seconds[name]
        table.add_row(
            name, f"{seconds:.1f} s" if seconds else "at hand", ", ".join(plan.users[name])
        )
    console = Console()
    console.print(table)
    for check, finding in plan.not_assessed.items():
        console.print(f"not assessed: {check}: {finding.reason}", markup=False)


def run(request: Request, as_json: bool) -> int:
    """Inspect, write the report's folder, print the summary; give the exit code."""
    folder = writable(request.out)
    with Bar() as bar:
        bench = _prepare(request, bar)
        report = run_inspection(
            bench,
            request.policy,
            include_rows=request.work.include_rows,
            command=_command(request),
            progress=bar,
        )
    write_report(report, folder, keep_charts(request.work.store / "charts"))
    if as_json:
        sys.stdout.write(report.to_json())
    else:
        console = Console()
        console.print(terminal_summary(report))
        reused = sum(made.reused for made in bench.made.values())
        console.print(
            f"{report.times.seconds:.1f} s; {len(bench.made) - reused} artifacts computed, "
            f"{reused} reused from {request.work.store}",
            style="dim",
            highlight=False,
        )
        console.print(f"The report: {folder / 'report.html'}", highlight=False, soft_wrap=True)
    return exit_code(report.findings, request.policy.gate, request.strict)


def write_report(report: Report, folder: Path, draw: Draw) -> None:
    """Write every format of a report, and the rows of its findings, into a folder."""
    for ending, write in FORMATS.items():
        text = html.page(report, draw=draw) if ending == ".html" else write(report)
        (folder / f"report{ending}").write_text(text, encoding="utf-8")
    rows = folder / "rows"
    for finding in report.findings:
        lines = [f"{split},{row}" for part in finding.examples for split, row in part.rows]
        if lines:
            rows.mkdir(exist_ok=True)
            name = finding.key.replace(":", "-")
            (rows / f"{name}.csv").write_text("\n".join(["split,row", *dict.fromkeys(lines), ""]))


def _prepare(request: Request, bar: Bar) -> Bench:
    dataset, model = load(request.work, bar)
    subject = make_subject(
        model,
        dataset,
        seed=request.work.seed,
        effort=request.effort,
        device=request.work.device,
        arguments=request.work.arguments,
    )
    return Bench(subject, Store(request.work.store / "artifacts", request.work.fresh), bar)


def load(work: Work, bar: Bar) -> tuple[Dataset, Model]:
    """Load data and model as the command line names them."""
    dataset = load_data(work)
    loaded = load_model(
        work.model,
        dataset,
        trust=work.options.trust,
        seed=work.seed,
        store=work.store,
        progress=bar,
    )
    return dataset, loaded


def load_data(work: Work) -> Dataset:
    """Load the data as the command line names them."""
    options = work.options
    return load_dataset(
        work.data,
        target=options.target,
        split=options.split,
        group=options.group,
        environment=options.environment,
        time=options.time,
        ordinal=options.ordinal,
        sensitive=tuple(options.sensitive),
        face=tuple(options.face.split(",")) if options.face else (),
        text=options.text,
        metadata=options.metadata,
        test=options.test,
        production=options.production,
        unlabelled=options.unlabelled,
        answers=options.answers,
        corrections=options.corrections,
        without=options.without,
        label_offset=options.label_offset,
        task=options.task,
        classes=tuple(options.classes),
        seed=work.seed,
    )


def stoppable(work: Callable[[], int]) -> NoReturn:
    """Do the work and exit with its code; Ctrl-C says that nothing finished is lost.

    Raises:
        typer.Exit: always.
    """
    try:
        code = work()
    except KeyboardInterrupt:
        typer.echo(STOPPED, err=True)
        code = INTERRUPTED
    raise typer.Exit(code)


def names_in(text: str) -> tuple[str, ...]:
    """Read names that commas separate."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _command(request: Request) -> str:
    words = ["--budget", request.effort.name, "--seed", str(request.work.seed)]
    if request.policy.source != "defaults":
        words += ["--policy", request.policy.source]
    return f"roadworthy inspect {request.work.arguments} {shlex.join(words)}"


def writable(folder: Path) -> Path:
    """Make a folder for a report.

    Raises:
        InputError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
    else:
        why = None if os.access(folder, os.W_OK) else "no permission"
    if why:
        raise InputError(f"cannot write to {folder} ({why}): name another folder with --out")
    return folder
