from pathlib import Path
from typing import Annotated

from roadworthy.cli.data_options import (
    Data,
    DataOptions,
    Device,
    Fresh,
    Seed,
    StoreFolder,
    TrainingSettings,
    option,
    takes_data_options,
)

EXAMPLES = """
Examples:

  roadworthy compare digits --labels 20,50,100 --seeds 5
  roadworthy compare patients.csv --target outcome --recipes mlp,fixmatch,mlp@margin
  roadworthy compare photos/ --recipes all --set cnn.width=8 --passes 50000

A name is a recipe, then strategies after +, then a query after @: cnn+simclr+linear-probe, or
fixmatch@badge. The first recipe is what the others are compared with.
"""


@takes_data_options
def compare(
    data_options: DataOptions,
    data: Data = None,
    recipes: Annotated[
        str,
        option(
            "--recipes",
            help="Trainings, separated by commas; all takes what suits the data.",
            show_default=True,
        ),
    ] = "all",
    labels: Annotated[
        str, option("--labels", help="Numbers of labels, rising.", show_default=True)
    ] = "20,50,100,300",
    seeds: Annotated[
        int, option("--seeds", help="Trainings of each, at least 2.", show_default=True)
    ] = 5,
    passes: Annotated[
        int,
        option("--passes", help="Rows through the network per training.", show_default=True),
    ] = 20_000,
    settings: TrainingSettings = None,
    out: Annotated[
        Path, option("--out", help="Folder for the comparison.", show_default=True)
    ] = Path("roadworthy-comparison"),
    seed: Seed = 0,
    device: Device = "cpu",
    store: StoreFolder = None,
    fresh: Fresh = False,
    as_json: Annotated[
        bool, option("--json", help="Print the comparison as JSON instead of the table.")
    ] = False,
) -> None:
    """Compare trainings on the same few labels: which is worth it, and is labelling more?"""
    from roadworthy.cli import session, training_session

    work = session.Work.of(
        None, data, data_options, seed=seed, device=device, store=store, fresh=fresh
    )
    asked = training_session.Comparison(
        session.names_in(recipes),
        training_session.numbers_in(labels, "--labels"),
        seeds,
        passes,
        tuple(settings or ()),
        out,
    )
    session.stoppable(lambda: training_session.compare(work, asked, as_json))
