from pathlib import Path
from typing import Annotated

from roadworthy.cli.data_options import Data, DataOptions, Seed, option, takes_data_options

EXAMPLES = """
Examples:

  roadworthy label photos/ --model model --query margin --batch 20
      then fill in the column label of labels.csv, and
  roadworthy train photos/ --answers labels.csv --out model

  roadworthy label photos/ --model model --serve
      a page on this machine that takes the labels

Called again, it asks for the next rows and adds them to the same file.
"""


@takes_data_options
def label(
    data_options: DataOptions,
    data: Data = None,
    model: Annotated[
        str | None,
        option("--model", help="Scores the rows. Default: none, rows are chosen as they are."),
    ] = None,
    query: Annotated[
        str,
        option("--query", help="How rows are chosen (roadworthy list queries)."),
    ] = "",
    batch: Annotated[int, option("--batch", help="How many rows.", show_default=True)] = 20,
    out: Annotated[
        Path, option("--out", help="CSV of row,label that is added to.", show_default=True)
    ] = Path("labels.csv"),
    serve: Annotated[
        bool, option("--serve", help="Take labels on a page of this machine, until Ctrl-C.")
    ] = False,
    port: Annotated[int, option("--port", help="Of that page. Default: a free one.")] = 0,
    settings: Annotated[
        list[str] | None, option("--set", help="A field of the query; repeatable.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Choose the rows that are most worth labelling, and take their labels."""
    from roadworthy.cli import label_session, session

    work = session.Work.of(model, data, data_options, seed=seed)
    asked = label_session.Asked(
        model is not None, query, batch, out, tuple(settings or ()), serve, port
    )
    session.stoppable(lambda: label_session.run(work, asked))
