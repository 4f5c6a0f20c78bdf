from pathlib import Path
from typing import Annotated

from roadworthy.cli.data_options import (
    Budget,
    Data,
    DataOptions,
    Device,
    Fresh,
    IncludeRows,
    Model,
    PolicyFile,
    Seed,
    Skip,
    StoreFolder,
    option,
    takes_data_options,
)

EXAMPLES = """
Examples:

  roadworthy repair digits-cnn digits --defense adversarial-training --set eps=0.1 --out safer
  roadworthy inspect safer digits

  roadworthy repair mlp patients.csv --target outcome --defense temperature --out calibrated
  roadworthy repair --from roadworthy-report/report.json --out repaired
      with what the report proposed

Strategies train the model anew, guards wrap it. A finding is called better only where the
intervals before and after do not overlap.
Exit codes: 0 something became better and nothing worse, 1 not so, 2 input or set-up is wrong.
"""


@takes_data_options
def repair(
    data_options: DataOptions,
    model: Model = None,
    data: Data = None,
    defense: Annotated[
        str,
        option("--defense", help="Names, separated by commas (roadworthy list defenses)."),
    ] = "",
    settings: Annotated[
        list[str] | None,
        option("--set", help="A field of a defense: eps=0.1, or trades.beta=3; repeatable."),
    ] = None,
    source: Annotated[
        Path | None,
        option(
            "--from", help="Report (folder, or report.json): take model, data and defenses from it."
        ),
    ] = None,
    out: Annotated[
        Path, option("--out", help="Folder for the repaired model.", show_default=True)
    ] = Path("roadworthy-repaired"),
    report: Annotated[
        Path | None,
        option("--report", help="Folder for both reports, and comparison.html of the two."),
    ] = None,
    policy: PolicyFile = None,
    budget: Budget = "standard",
    only: Annotated[
        list[str] | None,
        option(
            "--only",
            help="Area, check or code to judge by; repeatable. Default: those that a repaired "
            "model can change.",
        ),
    ] = None,
    skip: Skip = None,
    seed: Seed = 0,
    device: Device = "auto",
    store: StoreFolder = None,
    fresh: Fresh = False,
    include_rows: IncludeRows = False,
    as_json: Annotated[
        bool, option("--json", help="Print the comparison as JSON instead of the table.")
    ] = False,
) -> None:
    """Apply defenses to a model, and show what became better and what worse."""
    from roadworthy.cli import repair_session, session
    from roadworthy.core.effort import Effort

    names, given = session.names_in(defense), tuple(settings or ())
    if source is not None:
        model, data, data_options, proposed, theirs = repair_session.read_proposal(
            source, model, data, data_options
        )
        names, given = (names, given) if names else (proposed, (*theirs, *given))
    request = repair_session.Request(
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
        defenses=names,
        settings=given,
        out=out,
        report=report,
        policy=repair_session.choose_policy(policy, only or [], skip or []),
        effort=Effort.parse(budget),
    )
    session.stoppable(lambda: repair_session.run(request, as_json))
