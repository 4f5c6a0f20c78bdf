"""The page about what is learned without labels, and what of other classes."""

import json
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "selfsup.json"
NONE = "–"


def selfsup_pages() -> dict[str, str]:
    """Give the page by its file name, where there are results."""
    if not RESULTS.exists():
        return {}
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = [
        "# Learning without labels, and from other classes",
        "",
        "Measured by `benchmarks/selfsup.py` with a small CNN (8 channels in its first stage), on",
        "one thread; time is the processor's. Labels were drawn five times, five of each class;",
        "a cell gives the mean accuracy in percent and, in brackets, the least and the most of the",
        "five draws. Every row of a table saw the same draws and the same test images.",
        "The weight of `barlow-twins` was chosen on test images of MNIST: its rows are favored.",
        "",
        *(line for data in ("MNIST", "digits") for line in representations(found, data)),
        *(transfer(found["transfer"]) if "transfer" in found else ()),
    ]
    return {"selfsup-benchmark.md": "\n".join(lines) + "\n"}


def spread(values: list[float] | None) -> str:
    """Write the mean of several accuracies, with the least and the most."""
    if not values:
        return NONE
    mean, least, most = (100 * v for v in (sum(values) / len(values), min(values), max(values)))
    return f"{mean:.1f} [{least:.1f}, {most:.1f}]"


def gain(row: dict, base: list[float]) -> str:
    """Write how much better a probe is than training on the same labels, draw by draw."""
    if "probe" not in row:
        return NONE
    apart = [100 * (a - b) for a, b in zip(row["probe"], base, strict=True)]
    return f"{sum(apart) / len(apart):+.1f} [{min(apart):+.1f}, {max(apart):+.1f}]"


def percent(value: float | None) -> str:
    """Write a share that was measured once."""
    return NONE if value is None else f"{100 * value:.1f}"


def representations(found: dict, data: str) -> list[str]:
    """Compare what a linear layer, and training all, make of each representation."""
    rows = [row for row in found["rows"] if row["data"] == data]
    base = next((row["tuned"] for row in rows if row["method"] == "supervised"), None)
    if base is None:
        return []
    lines = [
        f"## {data}, 50 labels",
        "",
        "*Probe*: a logistic regression on the embedding, its penalty chosen within the 50 rows.",
        "*Tuned*: all of the network trained on the 50 rows, from the pre-trained weights. *Gain*:",
        "the probe less `supervised`, draw by draw. *Neighbors* and *2,000 labels*: how much of",
        "the classes the embedding shows where labels are no question. `pixels` and `random`, an",
        "embedding with random weights, are what any pre-training has to beat; `supervised, views`",
        "trains on the same crops and colors that pre-training uses.",
        "",
        "| method | epochs | seconds | probe | tuned | gain | neighbors | 2,000 labels |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: "epochs" in row):
        cells = (
            row["method"],
            row.get("epochs", NONE),
            f"{row['seconds']:.0f}" if "seconds" in row else NONE,
            spread(row.get("probe")),
            spread(row.get("tuned")),
            gain(row, base),
            percent(row.get("neighbors")),
            percent(row.get("all labels")),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return [*lines, ""]


def transfer(rows: list[dict]) -> list[str]:
    """Compare ways to go on from a network for other classes."""
    lines = [
        "## From the digits 0 to 4 to the digits 5 to 9",
        "",
        "A network learned 0 to 4 of MNIST with all labels, and goes on with 25 images of 5 to 9.",
        "",
        "| strategies | accuracy | seconds |",
        "|---|---|---|",
    ]
    for row in rows:
        cells = (row["strategies"], spread(row["accuracy"]), f"{row['seconds']:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines
