from pathlib import Path
from typing import Annotated

from roadworthy.cli.data_options import (
    Data,
    DataOptions,
    Passes,
    Recipe,
    Seed,
    StoreFolder,
    TrainingSettings,
    option,
    takes_data_options,
)

EXAMPLES = """
Examples:

  roadworthy data relabel digits --from audit.csv --out relabelled.csv
  roadworthy data relabel photos/ --from audit.csv --recipe cnn --seeds 10

What is kept is written to two files. Train on the data as they say with
roadworthy train DATA --corrections relabelled.csv --without relabelled-without.csv
"""


@takes_data_options
def relabel(
    data_options: DataOptions,
    audit: Annotated[Path, option("--from", help="What roadworthy data audit wrote.")],
    data: Data = None,
    recipe: Recipe = "",
    lowest: Annotated[
        float,
        option("--lowest", help="Share of least valuable rows to leave out.", show_default=True),
    ] = 0.1,
    seeds: Annotated[
        int, option("--seeds", help="Trainings of each change, at least 2.", show_default=True)
    ] = 5,
    passes: Passes = None,
    settings: TrainingSettings = None,
    out: Annotated[
        Path, option("--out", help="CSV of row,label that are corrected.", show_default=True)
    ] = Path("relabelled.csv"),
    seed: Seed = 0,
    store: StoreFolder = None,
) -> None:
    """Try what an audit proposes by training anew, and keep only what surely helps."""
    from roadworthy.cli import data_session, session

    work = session.Work.of(None, data, data_options, seed=seed, store=store)
    training = data_session.Retraining(recipe, seeds, passes, tuple(settings or ()), out)
    session.stoppable(lambda: data_session.relabel(work, training, audit, lowest))
