from pathlib import Path
from typing import Annotated

from roadworthy.cli.data_options import (
    Budget,
    Data,
    DataOptions,
    DeclaredFile,
    Device,
    Fresh,
    IncludeRows,
    Model,
    PolicyFile,
    Seed,
    Skip,
    StoreFolder,
    Text,
    option,
    takes_data_options,
)

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


@takes_data_options
def inspect(
    data_options: DataOptions,
    model: Model = None,
    data: Data = None,
    out: Annotated[Path, option("--out", help="Folder for the report.", show_default=True)] = Path(
        "roadworthy-report"
    ),
    policy: PolicyFile = None,
    declared: DeclaredFile = None,
    gate: Annotated[
        Text, option("--gate", help="Exit 1 from this verdict on: fail, warn or none.")
    ] = None,
    strict: Annotated[
        bool, option("--strict", help="Exit 3 when something could not be assessed.")
    ] = False,
    budget: Budget = "standard",
    only: Annotated[
        list[str] | None, option("--only", help="Area, check or code to run; repeatable.")
    ] = None,
    skip: Skip = None,
    seed: Seed = 0,
    device: Device = "auto",
    store: StoreFolder = None,
    fresh: Fresh = False,
    include_rows: IncludeRows = False,
    dry_run: Annotated[
        bool, option("--dry-run", help="Show what would be computed, and for which checks.")
    ] = False,
    as_json: Annotated[
        bool, option("--json", help="Print the report's JSON instead of the summary.")
    ] = False,
) -> None:
    """Measure a model on data and write a report that others can check."""
    from roadworthy.cli import session
    from roadworthy.core.effort import Effort

    request = session.Request(
        work=session.Work.of(
            model,
            data,
            data_options,
            seed=seed,
            device=device,
            store=store,
            fresh=fresh,
            include_rows=include_rows,
        ),
        out=out,
        policy=session.choose_policy(policy, gate, only or [], skip or [], declared),
        strict=strict,
        effort=Effort.parse(budget),
    )
    if dry_run:
        session.show_plan(request)
        return
    session.stoppable(lambda: session.run(request, as_json))
