"""The page about how many labels queries save, beside other libraries."""

import json
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "active.json"
OURS = "roadworthy"
NOTES = {
    "mnist": [
        "ProbCover is worse than chance on pixels: nearly all of its first items are ones, which",
        "look most alike. scikit-activeml's tries radii up to 2, within which no two of these rows",
        "lie; then nothing is covered, and it picks by chance.",
        "",
    ]
}


def active_pages() -> dict[str, str]:
    """Give the page by its file name, where there are results."""
    if not RESULTS.exists():
        return {}
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    protocol = found["protocol"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    lines = [
        "# Queries, by labels saved",
        "",
        f"Measured by `benchmarks/active.py`. From a few random labels to {protocol['budget']},",
        f"{protocol['batch']} at a time; after each round the same logistic regression of pixels",
        "is fitted on the labels there are, and judged on test rows that no query sees. Under each",
        f"of {protocol['seeds']} seeds every query starts from the same labels and rows.",
        "*Accuracy* is the mean over the logarithm of labels, *gain* what it is above random",
        "picks, *wins* the share of seeds in which it is above; each in percent, with an interval",
        "of 95 % over seeds, which says nothing about other data or other models. A committee is",
        "five regressions on labels of random weights (Bayesian bootstrap). For how many labels",
        "`typiclust-margin` waits was settled on these digits, under other seeds.",
        "",
    ]
    for data in dict.fromkeys(row["data"] for row in found["compared"]):
        for start in sorted({row["start"] for row in found["curves"]}, reverse=True):
            rows = [
                row for row in found["compared"] if (row["data"], row["start"]) == (data, start)
            ]
            if rows:
                lines += [f"## {title(data, protocol)}, from {start} labels", "", *table(rows), ""]
                lines += NOTES.get(data, [])
    lines += [*failures(found), *scale(found), f"Versions: {versions}."]
    return {"active-benchmark.md": "\n".join(lines) + "\n"}


def title(data: str, protocol: dict) -> str:
    """Name a data set."""
    if data == "digits":
        return "The built-in digits"
    return f"{protocol['mnist pool']:,} rows of MNIST"


def table(rows: list[dict]) -> list[str]:
    """Give the queries of one setting, the best first."""
    lines = [
        "| query | library | accuracy | gain | wins | s per query |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: -row["area"][0]):
        is_chance = (row["library"], row["method"]) == (OURS, "random")
        against = ["–", "–"] if is_chance else [interval(row["gain"], "+"), interval(row["wins"])]
        cells = [name(row), row["library"], interval(row["area"]), *against]
        lines.append(f"| {' | '.join(cells)} | {row['seconds']:.2g} |")
    return lines


def name(row: dict) -> str:
    """Write a method's name, and link ours."""
    method = row["method"]
    return f"[`{method}`](queries.md#{method})" if row["library"] == OURS else method


def interval(shares: list[float], sign: str = "") -> str:
    """Write a share with its interval, in percent."""
    value, low, high = (f"{100 * share:{sign}.1f}" for share in shares)
    return f"{value} [{low}, {high}]"


def failures(found: dict) -> list[str]:
    """Say which runs ended early."""
    rows = [row for part in ("curves", "scale") for row in found[part] if "failed" in row]
    if not rows:
        return []
    lines = ["## What ended early", ""]
    for row in rows:
        where = f" on {row['data']} from {row['start']} labels" if "data" in row else ""
        lines.append(f"- {row['method']} of {row['library']}{where}: {row['failed']}")
    return [*lines, ""]


def scale(found: dict) -> list[str]:
    """Give time and memory of one large query."""
    items, width, classes, n = found["protocol"]["scale"]
    rows = [row for row in found["scale"] if "seconds" in row]
    who = list(dict.fromkeys(row["library"] for row in rows))
    cells = {
        (row["library"], row["method"]): f"{row['seconds']:.2f} s, {row['megabytes']} MB"
        for row in rows
    }
    lines = [
        f"## One query among {items:,} items",
        "",
        f"{n} items are picked among {items:,} of {width} numbers in {classes} classes, on one",
        "core, with 100 labels: seconds of the processor, and memory beyond the data. Training is",
        "not part of it.",
        "",
        f"| query | {' | '.join(who)} |",
        f"|---|{'---|' * len(who)}",
    ]
    for method in dict.fromkeys(row["method"] for row in rows):
        row = " | ".join(cells.get((library, method), "–") for library in who)
        lines.append(f"| {method} | {row} |")
    return [*lines, ""]
