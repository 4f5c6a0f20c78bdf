from pathlib import Path
from typing import Annotated

from roadworthy.cli.data_options import (
    Data,
    DataOptions,
    Device,
    Fresh,
    IncludeRows,
    Model,
    Seed,
    StoreFolder,
    Text,
    option,
    takes_data_options,
)

EXAMPLES = """
Examples:

  roadworthy attack
      the built-in CNN on digits, by PGD

  roadworthy attack model.pt2 images.npz --attack fgsm,pgd,square --norm linf --eps 0.03
  roadworthy attack model.onnx rows.csv --target y --attack hop-skip-jump --rows 50 --queries 2000
  roadworthy attack digits-cnn digits --attack cw --norm l2 --targeted least-likely --out adv.npz
  roadworthy attack digits-cnn digits --attack pgd --set steps=200 --set last_step=0.01
  roadworthy attack digits-cnn digits --attack pgd --eps 0.1 --detector mahalanobis-detector

Each attack sees only the rows that the ones before left standing; the table shows the worst case.
Exit codes: 0 done, 2 input or set-up is wrong, 130 stopped (the same command goes on from there).
"""


@takes_data_options
def attack(
    data_options: DataOptions,
    model: Model = None,
    data: Data = None,
    attacks: Annotated[
        str,
        option(
            "--attack",
            help="Names or aliases, separated by commas (roadworthy list attacks).",
            show_default=True,
        ),
    ] = "pgd",
    settings: Annotated[
        list[str] | None,
        option("--set", help="A field of an attack: steps=100, or pgd.steps=100; repeatable."),
    ] = None,
    norm: Annotated[
        Text,
        option(
            "--norm",
            help="linf, l2, l1, l0, or another kind of threat (roadworthy list threats). Default: "
            "the first that all attacks know.",
        ),
    ] = None,
    eps: Annotated[
        float | None,
        option("--eps", help="Budget; in standard deviations for tables. Default: the usual one."),
    ] = None,
    immutable: Annotated[
        list[str] | None,
        option("--immutable", help="Column of a table that cannot change; repeatable."),
    ] = None,
    targeted: Annotated[
        str, option("--targeted", help="Class to reach, or next, random, least-likely.")
    ] = "",
    rows: Annotated[
        int, option("--rows", help="Test rows to attack, drawn at random.", show_default=True)
    ] = 200,
    queries: Annotated[
        int | None, option("--queries", help="Forward passes that each attack may use per row.")
    ] = None,
    seconds: Annotated[
        float | None, option("--seconds", help="Time that each attack may take.")
    ] = None,
    detectors: Annotated[
        str,
        option(
            "--detector",
            help="Also try detectors on what was found, and attack them: names, separated by "
            "commas (roadworthy list detectors).",
        ),
    ] = "",
    out: Annotated[
        Path | None,
        option("--out", help="Write the adversarial inputs to this .npz file."),
    ] = None,
    report: Annotated[
        Path | None,
        option("--report", help="Folder for a report with the curve, and pictures on request."),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    store: StoreFolder = None,
    fresh: Fresh = False,
    include_rows: IncludeRows = False,
    as_json: Annotated[bool, option("--json", help="Print the finding as JSON.")] = False,
) -> None:
    """Attack a model and show what was found, by which attack, how near, and at what cost."""
    from roadworthy.cli import attack_session, session

    request = attack_session.Request(
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
        attacks=session.names_in(attacks),
        settings=tuple(settings or ()),
        norm=norm,
        eps=eps,
        immutable=tuple(immutable or ()),
        targeted=targeted,
        rows=rows,
        queries=queries,
        seconds=seconds,
        detectors=session.names_in(detectors),
        out=out,
        report=report,
    )
    session.stoppable(lambda: attack_session.run(request, as_json))
