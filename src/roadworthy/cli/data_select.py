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

  roadworthy data select digits --rows 200 --by typiclust --out rows.csv
  roadworthy data select photos/ --rows 500 --by coreset --model model --recipe cnn

rows.csv has the rows that are picked, and rows-without.csv the others:
roadworthy train DATA --without rows-without.csv
"""


@takes_data_options
def select(
    data_options: DataOptions,
    rows: Annotated[int, option("--rows", help="How many training rows.")],
    data: Data = None,
    by: Annotated[
        str,
        option("--by", help="coreset, typiclust, value, ambiguous or random.", show_default=True),
    ] = "coreset",
    model: Annotated[
        str | None,
        option("--model", help="Embeds the rows; a recipe or a bundle. Default: the usual recipe."),
    ] = None,
    recipe: Recipe = "",
    seeds: Annotated[
        int, option("--seeds", help="Trainings of each, at least 2.", show_default=True)
    ] = 5,
    passes: Passes = None,
    settings: TrainingSettings = None,
    out: Annotated[
        Path, option("--out", help="CSV of split,row that are picked.", show_default=True)
    ] = Path("rows.csv"),
    seed: Seed = 0,
    store: StoreFolder = None,
) -> None:
    """Pick some training rows, and say whether they teach more than as many random ones."""
    from roadworthy.cli import data_session, session

    work = session.Work.of(model, data, data_options, seed=seed, store=store)
    training = data_session.Retraining(recipe, seeds, passes, tuple(settings or ()), out)
    session.stoppable(lambda: data_session.select(work, training, rows, by))
