from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from roadworthy.artifacts.training_outliers import RARE
from roadworthy.cli.progress import Bar
from roadworthy.cli.session import Work, load, load_data, writable
from roadworthy.core.artifact import Bench, Store
from roadworthy.core.audit import Audit, Issue, read_audit
from roadworthy.core.effort import Effort
from roadworthy.core.study import gain_in_words
from roadworthy.render.numbers import interval
from roadworthy.workflows.auditing import audit_on
from roadworthy.workflows.contenders import contender
from roadworthy.workflows.inspection import make_subject
from roadworthy.workflows.relabelling import Relabelled
from roadworthy.workflows.relabelling import relabel as try_changes
from roadworthy.workflows.selecting import Selection
from roadworthy.workflows.selecting import select as pick_rows

MEANINGS = {
    Issue.LABEL: "the label is probably wrong",
    Issue.DUPLICATE: "equals a test row, or an earlier training row",
    Issue.NEAR_DUPLICATE: "nearly repeats a test row",
    Issue.OUTLIER: "is unlike the other rows",
    Issue.HARD: "is not learned",
    Issue.AMBIGUOUS: "is learned now and then",
    Issue.EASY: "is learned at once",
}


@dataclass(frozen=True)
class Retraining:
    """Trainings that judge, as the command line asks for them.

    Args:
        recipe: what is trained; empty takes the usual recipe.
        seeds: how often.
        passes: rows through the network; None leaves that to the recipe.
        settings: `name.field=value`.
        out: the file to write.
    """

    recipe: str
    seeds: int
    passes: int | None
    settings: tuple[str, ...]
    out: Path


def audit(work: Work, effort: Effort, out: Path) -> int:
    """Audit, write the file, print what was found; give the exit code."""
    writable(out.resolve().parent)
    with Bar() as bar:
        data, model = load(work, bar)
        subject = make_subject(model, data, seed=work.seed, effort=effort, device=work.device)
        found = audit_on(Bench(subject, Store(work.store / "artifacts", work.fresh), bar))
    found.save(out)
    console = Console()
    console.print(_counts(found, len(data.train)))
    for name, reason in found.not_assessed.items():
        console.print(Text(f"not assessed: {name}: {reason}"))
    console.print(f"The audit: {out}", highlight=False, soft_wrap=True)
    return 0


def _counts(found: Audit, rows: int) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rows", justify="right")
    table.add_column(f"of {rows} training rows")
    for issue, meaning in MEANINGS.items():
        lines = found.of(issue)
        if issue == Issue.OUTLIER and lines:
            meaning += f"; about {RARE * rows:.0f} are to be expected by chance"
        if lines:
            table.add_row(str(len(lines)), f"{issue}: {meaning}")
    worthless = sum(line.score < 0 for line in found.of(Issue.VALUE))
    if worthless:
        table.add_row(str(worthless), f"{Issue.VALUE}: misleads more than it helps")
    return table


def relabel(work: Work, training: Retraining, file: Path, lowest: float) -> int:
    """Try the changes, write what is kept, print the gains; give the exit code."""
    writable(training.out.resolve().parent)
    proposed = read_audit(file)
    with Bar() as bar:
        data = load_data(work)
        found = try_changes(
            data,
            proposed,
            contender(training.recipe, data, training.settings),
            lowest=lowest,
            seeds=training.seeds,
            passes=training.passes,
            seed=work.seed,
            store=work.store,
            progress=bar,
        )
    options = work.options
    rest = found.save(training.out, corrections=options.corrections, without=options.without)
    console = Console()
    console.print(_gains(found))
    console.print()
    console.print(Text(found.sentence, style="bold"))
    told = f"{len(found.change.corrected)} labels corrected: {training.out}; "
    told += f"{len(found.change.left_out)} rows left out: {rest}"
    console.print(told, highlight=False, soft_wrap=True)
    return 0


def _gains(found: Relabelled) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("change", "rows", "gain", "kept", "why"):
        table.add_column(heading, justify="right" if heading == "rows" else "left")
    for tried in found.tried:
        gain = "not tried" if tried.gain is None else gain_in_words(tried.gain)
        kept = Text("yes", style="green") if tried.is_kept else Text("no")
        table.add_row(tried.change.name, str(len(tried.change)), gain, kept, tried.why)
    return table


def select(work: Work, training: Retraining, rows: int, by: str) -> int:
    """Pick rows, write them, print how they do; give the exit code."""
    writable(training.out.resolve().parent)
    with Bar() as bar:
        data = load_data(work)
        found = pick_rows(
            data,
            rows,
            by,
            work.model,
            contender(training.recipe, data, training.settings),
            seeds=training.seeds,
            passes=training.passes,
            seed=work.seed,
            store=work.store,
            progress=bar,
        )
    rest = found.save(training.out)
    console = Console()
    console.print(Text(_told(found), style="bold"))
    told = f"The rows: {training.out}; the others, to leave out: {rest}"
    console.print(told, highlight=False, soft_wrap=True)
    return 0


def _told(found: Selection) -> str:
    score = f"{found.score.name} {interval(found.score)}"
    picked = f"{len(found.picked)} rows picked by {found.by}: {score}"
    if found.gain is None:
        return f"{picked}."
    verdict = "no clear difference from"
    if found.gain.low > 0:
        verdict = "better than"
    elif found.gain.high < 0:
        verdict = "worse than"
    return f"{picked}; {verdict} as many random rows, {gain_in_words(found.gain)}."
