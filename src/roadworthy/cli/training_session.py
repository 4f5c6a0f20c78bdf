import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from roadworthy.cli.progress import Bar
from roadworthy.cli.session import Work, load_data, writable
from roadworthy.core.errors import InputError
from roadworthy.core.study import Entry, Study
from roadworthy.core.yardstick import Yardstick
from roadworthy.render import study_page
from roadworthy.render.numbers import interval, number, on_two_lines
from roadworthy.sources import save_bundle
from roadworthy.training.crew import is_follower
from roadworthy.training.plan import Machine
from roadworthy.workflows.compare import compare as compare_trainings
from roadworthy.workflows.contenders import contender, contenders
from roadworthy.workflows.inspection import choose_device
from roadworthy.workflows.training import train as train_model

STYLES = {"better": "green", "harms": "red", "unclear": "yellow"}
UNFINISHED = ".unfinished"  # behind the name of the model's folder: what a stopped training left


@dataclass(frozen=True)
class Comparison:
    """A comparison as the command line asks for it.

    Args:
        recipes: names of trainings.
        labels: numbers of labels.
        seeds: trainings of each.
        passes: rows through the network per training.
        settings: `name.field=value`.
        out: folder for the page and its numbers.
    """

    recipes: tuple[str, ...]
    labels: tuple[int, ...]
    seeds: int
    passes: int
    settings: tuple[str, ...]
    out: Path


@dataclass(frozen=True)
class Wanted:
    """A training as the command line asks for it.

    Args:
        recipe: its name.
        labels: how many targets to use; None uses all.
        passes: rows through the network; None leaves that to the recipe.
        settings: `name.field=value`.
        devices: how many share the work.
        precision: `32-true` or `bf16-mixed`.
        out: folder for the model.
    """

    recipe: str
    labels: int | None
    passes: int | None
    settings: tuple[str, ...]
    devices: int
    precision: str
    out: Path


def numbers_in(text: str, option: str) -> tuple[int, ...]:
    """Read whole numbers that commas separate.

    Raises:
        InputError: there are others.
    """
    try:
        return tuple(int(word) for word in text.split(",") if word.strip())
    except ValueError:
        raise InputError(f"{option} takes whole numbers such as 20,50,100, not {text!r}") from None


def compare(work: Work, asked: Comparison, as_json: bool) -> int:
    """Compare, write the page, print the table; give the exit code."""
    folder = writable(asked.out)
    with Bar() as bar:
        data = load_data(work)
        study = compare_trainings(
            data,
            contenders(asked.recipes, data, asked.settings),
            labels=asked.labels,
            seeds=asked.seeds,
            passes=asked.passes,
            seed=work.seed,
            device=choose_device(work.device, data),
            store=work.store,
            fresh=work.fresh,
            progress=bar,
        )
    text = msgspec.json.format(msgspec.json.encode(as_numbers(study))).decode() + "\n"
    (folder / "comparison.json").write_text(text, encoding="utf-8")
    page = folder / "comparison.html"
    page.write_text(study_page.page(study), encoding="utf-8")
    if as_json:
        sys.stdout.write(text)
        return 0
    console = Console()
    console.print(as_table(study))
    console.print()
    for name, reason in study.left_out.items():
        console.print(Text(f"Not compared: {name}: {reason}", style="yellow"))
    console.print(Text(study.sentence, style="bold"))
    console.print(f"The comparison: {page}", highlight=False, soft_wrap=True)
    return 0


def as_table(study: Study) -> Table:
    """Lay a comparison out for the terminal: the score per number of labels, then the last gain."""
    table = Table(box=None, pad_edge=False)
    headings = [f"{n} labels" for n in study.labels]
    for heading in ("training", *headings, f"gain at {study.labels[-1]}", "", "time"):
        table.add_column(heading, no_wrap=heading != "training", overflow="fold")
    for name in study.names:
        own = [entry for entry in study.entries if entry.name == name]
        last = own[-1]
        verdict = Text(last.verdict, style=STYLES.get(last.verdict, ""))
        gain = "" if last.gain is None else on_two_lines(last.gain)
        scores = [number(entry.score.value, entry.score.unit) for entry in own]
        table.add_row(name, *scores, gain, verdict, number(last.seconds, "s"))
    return table


def as_numbers(study: Study) -> dict[str, object]:
    """Give a comparison as JSON can hold it."""
    return {
        "schema": "roadworthy-comparison/1",
        "data": study.data,
        "said": study.sentence,
        "recommended": study.recommended,
        "seeds": study.seeds,
        "passes": study.passes,
        "judged_by": study.by.value,
        "test": {
            "of": study.units,
            "choose": study.chosen.shape[3],
            "tell": study.told.shape[3],
        },
        "area": study.area,
        "left_out": dict(study.left_out),
        "entries": [_numbers(entry) for entry in study.entries],
    }


def _numbers(entry: Entry) -> dict[str, object]:
    return {
        "training": entry.name,
        "labels": entry.labels,
        "score": entry.score,
        "gain": entry.gain,
        "verdict": entry.verdict,
        "beats": entry.beats,
        "worth": entry.worth,
        "seconds": entry.seconds,
        "joules": entry.joules,
    }


def train(work: Work, asked: Wanted) -> int:
    """Train, save, say how good it is; give the exit code."""
    out = asked.out
    writable(out.resolve().parent)
    unfinished = out.with_name(out.name + UNFINISHED)
    machine = Machine(choose_device(work.device), asked.devices, asked.precision, unfinished)
    with Bar(is_shown=not is_follower(machine)) as bar:
        data = load_data(work)
        trained = train_model(
            data,
            contender(asked.recipe, data, asked.settings),
            labels=asked.labels,
            passes=asked.passes,
            seed=work.seed,
            machine=machine,
            progress=bar,
        )
    if is_follower(machine):
        return 0
    saved = save_bundle(trained.model, out)
    shutil.rmtree(unfinished, ignore_errors=True)
    console = Console()
    score = trained.score
    what = "groups" if score.unit == Yardstick.ORDER.unit and data.roles.group else "rows"
    told = f"{trained.model.spec.name}, {trained.labels} labels: {score.name} {interval(score)} on "
    console.print(f"{told}{score.n} test {what}", highlight=False, soft_wrap=True)
    console.print(f"The model: {saved}", highlight=False, soft_wrap=True)
    return 0
