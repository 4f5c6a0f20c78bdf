"""The page about what trainings make of rows without targets."""

import json
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "semi.json"
TITLES = {
    "mnist-4": (
        "MNIST, 4 labels per class",
        "40 labeled images and 9,960 without a label; the first 2,000 test images; a network of 4 "
        "to 16 channels. *Views* change the labeled images as FixMatch changes them.",
    ),
    "digits-2": (
        "Digits, 2 labels per class",
        "20 labeled images of 8 × 8 pixels and 1,237 without a label; 540 test images.",
    ),
    "digits-10": (
        "Digits, 10 labels per class",
        "100 labeled images of 8 × 8 pixels and 1,157 without a label; 540 test images.",
    ),
}


def semi_pages() -> dict[str, str]:
    """Give the page by its file name, where there are results."""
    if not RESULTS.exists():
        return {}
    found = json.loads(RESULTS.read_text(encoding="utf-8"))["summary"]
    lines = [
        "# What rows without targets are worth",
        "",
        "Measured by `benchmarks/semi.py` with every setting at its default. Networks of one table",
        "have the same budget of rows that pass them, so a method that looks at 14 rows without a",
        "target per row with one makes a fifteenth of the steps. *Rows* is that budget; a training",
        "that has learned its rows before stops sooner, which supervised ones do. Each draw takes",
        "other labeled rows, other rows without a label and another seed; the test rows stay. A",
        "gain is in points of accuracy over the control on the same draws, with a t interval of",
        "95 % that takes draws and test rows for random; of few draws it is wide.",
        "",
        "These are small networks at budgets of seconds to a few minutes on one core. The papers",
        "train networks a hundred times as large for thousands of times as long: their figures are",
        "out of reach here, and no figure here speaks against theirs.",
    ]
    for case, (title, what) in TITLES.items():
        rows = [row for row in found if row["case"] == case]
        if rows:
            lines += ["", f"## {title}", "", what, "", *table(rows)]
    return {"semi-benchmark.md": "\n".join(lines) + "\n"}


def table(rows: list[dict]) -> list[str]:
    """Compare the methods on one task, the best first."""
    controls = list(dict.fromkeys(key for row in rows for key in row if key.startswith("over ")))
    heads = ["method", "accuracy, % (worst, best draw)", *(f"gain {key}" for key in controls)]
    heads += ["draws", "rows", "seconds"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for row in sorted(rows, key=lambda row: -row["accuracy"]):
        accuracy, worst, best = (f"{100 * row[key]:.1f}" for key in ("accuracy", "worst", "best"))
        cells = [row["method"], f"{accuracy} ({worst}, {best})"]
        cells += [gain(row[key]) if key in row else "" for key in controls]
        passed = "" if row["rows"] is None else f"{row['rows']:,.0f}"
        cells += [str(row["seeds"]), passed, f"{row['seconds']:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def gain(difference: list[float]) -> str:
    """Write a difference of accuracies with its interval, in points."""
    value, low, high = (f"{100 * number:+.1f}" for number in difference)
    return f"{value} [{low}, {high}]"
