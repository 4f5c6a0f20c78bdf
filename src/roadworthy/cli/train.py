from pathlib import Path
from typing import Annotated

from roadworthy.cli.data_options import (
    Data,
    DataOptions,
    Device,
    Seed,
    TrainingSettings,
    option,
    takes_data_options,
)

EXAMPLES = """
Examples:

  roadworthy train digits --recipe cnn --out model
  roadworthy train photos/ --recipe cnn+fixmatch --labels 100 --out model
  roadworthy train patients.csv --target stage --ordinal --recipe mlp+coral --out model

Stopped, the same command goes on after the last epoch that was finished. The model is a bundle:
roadworthy inspect model DATA inspects it.
"""


@takes_data_options
def train(
    data_options: DataOptions,
    data: Data = None,
    recipe: Annotated[
        str,
        option("--recipe", help="A recipe, then strategies after +, then a query after @."),
    ] = "",
    labels: Annotated[
        int | None, option("--labels", help="How many targets to use. Default: all.")
    ] = None,
    passes: Annotated[
        int | None,
        option("--passes", help="Rows through the network. Default: as the recipe says."),
    ] = None,
    settings: TrainingSettings = None,
    device: Device = "cpu",
    devices: Annotated[
        int, option("--devices", help="How many of them share the work.", min=1, show_default=True)
    ] = 1,
    precision: Annotated[
        str, option("--precision", help="32-true or bf16-mixed.", show_default=True)
    ] = "32-true",
    out: Annotated[Path, option("--out", help="Folder for the model.", show_default=True)] = Path(
        "roadworthy-model"
    ),
    seed: Seed = 0,
) -> None:
    """Train a model on the data there is, and save it as a bundle."""
    from roadworthy.cli import session, training_session

    work = session.Work.of(None, data, data_options, seed=seed, device=device)
    asked = training_session.Wanted(
        recipe, labels, passes, tuple(settings or ()), devices, precision, out
    )
    session.stoppable(lambda: training_session.train(work, asked))
