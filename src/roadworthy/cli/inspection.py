import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

EXAMPLES = """
Examples:

  roadworthy inspect
      a small CNN on handwritten digits: what a report looks like

  roadworthy inspect random-forest patients.csv --target outcome --group patient --sensitive sex
      the data, through a baseline trained on it, before there is a model

  roadworthy inspect model.onnx images.npz --budget quick --out report
  roadworthy inspect package.module:make_model data.parquet --target y --gate warn --strict

Exit codes: 0 nothing at or above the gate, 1 something is, 2 input or set-up is wrong,
3 (with --strict) something could not be assessed.
"""

INTERRUPTED = 130  # as a shell reports Ctrl-C
Text = str | None


def _option(*names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, show_default=more.pop("show_default", False), **more)


def inspect(
    model: Annotated[
        Text,
        typer.Argument(
            metavar="MODEL",
            help="A baseline's name (roadworthy list models), a bundle folder, a .pt2, .onnx or "
            ".skops file, or package.module:function. Default: digits-cnn.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Text,
        typer.Argument(
            metavar="DATA",
            help="A built-in name (roadworthy list datasets), a .npz, .csv, .csv.gz or .parquet "
            "file, or an image folder. Default: digits.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[Text, _option("--target", help="Column to predict.")] = None,
    split: Annotated[
        Text,
        _option(
            "--split", help="Column that names each row's split; or random, by-group, by-time."
        ),
    ] = None,
    group: Annotated[
        Text, _option("--group", help="Column whose rows belong together, such as a patient.")
    ] = None,
    environment: Annotated[
        Text, _option("--environment", help="Column with the source of a row, such as a hospital.")
    ] = None,
    time: Annotated[Text, _option("--time", help="Column with the time of a row.")] = None,
    task: Annotated[
        Text, _option("--task", help="nominal, ordinal or regression, where the guess is wrong.")
    ] = None,
    classes: Annotated[
        list[str] | None,
        _option("--class", help="Class of the model's next output, from the first on; repeatable."),
    ] = None,
    ordinal: Annotated[bool, _option("--ordinal", help="The classes are ordered.")] = False,
    sensitive: Annotated[
        list[str] | None,
        _option("--sensitive", help="Column whose groups must be treated alike; repeatable."),
    ] = None,
    metadata: Annotated[
        Text, _option("--metadata", help="CSV whose row k describes input k of a .npz file.")
    ] = None,
    test: Annotated[Text, _option("--test", help="A second file with the test split.")] = None,
    without: Annotated[
        Path | None, _option("--without", help="CSV of split,row to leave out.")
    ] = None,
    label_offset: Annotated[
        int, _option("--label-offset", help="Number of the first class.", show_default=True)
    ] = 0,
    out: Annotated[Path, _option("--out", help="Folder for the report.", show_default=True)] = Path(
        "roadworthy-report"
    ),
    policy: Annotated[
        Path | None,
        _option("--policy", help="Policy file; roadworthy.toml is used where it lies."),
    ] = None,
    gate: Annotated[
        Text, _option("--gate", help="Exit 1 from this verdict on: fail, warn or none.")
    ] = None,
    strict: Annotated[
        bool, _option("--strict", help="Exit 3 when something could not be assessed.")
    ] = False,
    budget: Annotated[
        str,
        _option(
            "--budget", help="quick, standard, thorough or a number of seconds.", show_default=True
        ),
    ] = "standard",
    only: Annotated[
        list[str] | None, _option("--only", help="Area, check or code to run; repeatable.")
    ] = None,
    skip: Annotated[
        list[str] | None, _option("--skip", help="Area, check or code to leave out; repeatable.")
    ] = None,
    seed: Annotated[
        int, _option("--seed", help="Root of all random numbers.", show_default=True)
    ] = 0,
    device: Annotated[
        str, _option("--device", help="auto, cpu or cuda.", show_default=True)
    ] = "auto",
    store: Annotated[
        Path | None,
        _option(
            "--store",
            help="Folder that keeps finished work.",
            envvar="ROADWORTHY_STORE",
        ),
    ] = None,
    fresh: Annotated[
        bool, _option("--fresh", help="Ignore finished work of earlier runs.")
    ] = False,
    trust: Annotated[
        bool,
        _option("--trust", help="Load a pickle. It can run any code: only if you know its maker."),
    ] = False,
    include_rows: Annotated[
        bool, _option("--include-rows", help="Let rows of the data into the report.")
    ] = False,
    dry_run: Annotated[
        bool, _option("--dry-run", help="Show what would be computed, and for which checks.")
    ] = False,
    as_json: Annotated[
        bool, _option("--json", help="Print the report's JSON instead of the summary.")
    ] = False,
) -> None:
    """Measure a model on data and write a report that others can check."""
    from roadworthy.cli import session
    from roadworthy.core.effort import Effort
    from roadworthy.workflows.inspection import choose_device

    model, data = session.complete_arguments(model, data)
    options = {
        "--target": target,
        "--split": split,
        "--group": group,
        "--environment": environment,
        "--time": time,
        "--task": task,
        "--class": classes or [],
        "--ordinal": ordinal,
        "--sensitive": sensitive or [],
        "--metadata": metadata,
        "--test": test,
        "--without": without,
        "--label-offset": label_offset,
        "--trust": trust,
    }
    request = session.Request(
        model=model,
        data=data,
        options=options,
        arguments=shlex.join([model, data, *session.as_words(options)]),
        out=out,
        policy=session.choose_policy(policy, gate, only or [], skip or []),
        strict=strict,
        effort=Effort.parse(budget),
        seed=seed,
        device=choose_device(device),
        store=store or session.default_store(),
        fresh=fresh,
        include_rows=include_rows,
    )
    if dry_run:
        session.show_plan(request)
        return
    try:
        code = session.run(request, as_json)
    except KeyboardInterrupt:
        typer.echo(
            "Stopped. What is finished is kept: the same command goes on from there.", err=True
        )
        code = INTERRUPTED
    raise typer.Exit(code)
