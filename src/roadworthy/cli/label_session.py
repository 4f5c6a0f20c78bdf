from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from roadworthy.cli.label_server import LabelServer
from roadworthy.cli.progress import Bar
from roadworthy.cli.session import Work, load, load_data, writable
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.labelling import Item, Sheet
from roadworthy.queries import QUERIES
from roadworthy.render import label_page
from roadworthy.workflows.chosen_items import choose_items
from roadworthy.workflows.labelling import next_items

WITH_MODEL, WITHOUT = "margin", "typiclust"


@dataclass(frozen=True)
class Asked:
    """What the command line asks for.

    Args:
        has_model: whether a model scores the rows.
        query: how they are chosen; empty takes the usual way.
        batch: how many.
        out: the file of labels.
        settings: fields of the query.
        serve: take labels on a page.
        port: of the page.
    """

    has_model: bool
    query: str
    batch: int
    out: Path
    settings: tuple[str, ...]
    serve: bool
    port: int


def run(work: Work, asked: Asked) -> int:
    """Choose rows, write them down, take labels if asked to; give the exit code."""
    writable(asked.out.resolve().parent)
    sheet = Sheet(asked.out)
    if sheet.labels:  # what has been answered since teaches the next choice
        work = replace(work, options=replace(work.options, answers=asked.out))
    with Bar() as bar:
        data, model = load(work, bar) if asked.has_model else (load_data(work), None)
        name = asked.query or (WITH_MODEL if model is not None else WITHOUT)
        (query,) = choose_items(QUERIES, (name,), asked.settings)
        items = next_items(data, query, asked.batch, model=model, seed=work.seed)
    sheet.ask(items)
    console = Console()
    told = f"{len(items)} rows to label, chosen by {name}: {asked.out}"
    console.print(told, highlight=False, soft_wrap=True)
    if asked.serve:
        take_labels(data, items, sheet, asked.port, console)
    return 0


def take_labels(
    data: Dataset, items: list[Item], sheet: Sheet, port: int, console: Console
) -> None:
    """Serve the page until Ctrl-C."""

    def answer(row: int, label: str) -> None:
        if label and data.classes and label not in data.classes:
            raise InputError(f"{label!r} is none of the classes")
        sheet.answer(row, label)

    def page() -> str:
        return label_page.page(data.name, items, data.classes, sheet.labels)

    with LabelServer(page, answer, port) as server:
        console.print(f"Label on {server.address}", highlight=False, soft_wrap=True)
        console.print("Ctrl-C ends it; each answer is saved at once.", highlight=False)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            left = len(items) - sum(item.row in sheet.labels for item in items)
            console.print(f"{len(items) - left} of {len(items)} rows are labelled.")
