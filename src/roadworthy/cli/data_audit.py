from pathlib import Path
from typing import Annotated

from roadworthy.cli.data_options import (
    Budget,
    Data,
    DataOptions,
    Device,
    Fresh,
    Seed,
    StoreFolder,
    option,
    takes_data_options,
)

EXAMPLES = """
Examples:

  roadworthy data audit digits --out audit.csv
  roadworthy data audit patients.csv --target outcome --model random-forest
  roadworthy data audit photos/ --group patient --budget thorough

The file has a line for each thing that is said of a row, and no contents of rows. Look at the lines
of suspected labels, delete those that turn out right, and then:
roadworthy data relabel DATA --from audit.csv
"""


@takes_data_options
def audit(
    data_options: DataOptions,
    data: Data = None,
    model: Annotated[
        str | None,
        option("--model", help="Doubts labels; a recipe or a bundle. Default: the usual recipe."),
    ] = None,
    out: Annotated[
        Path, option("--out", help="CSV of what is said of each row.", show_default=True)
    ] = Path("audit.csv"),
    budget: Budget = "standard",
    seed: Seed = 0,
    device: Device = "auto",
    store: StoreFolder = None,
    fresh: Fresh = False,
) -> None:
    """List what is odd about training rows: labels, copies, outliers, hard rows, value."""
    from roadworthy.cli import data_session, session
    from roadworthy.core.effort import Effort

    work = session.Work.of(
        model, data, data_options, seed=seed, device=device, store=store, fresh=fresh
    )
    effort = Effort.parse(budget)
    session.stoppable(lambda: data_session.audit(work, effort, out))
