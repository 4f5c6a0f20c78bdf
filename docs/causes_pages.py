"""The page about graphs, effects and simulations whose truth is known, beside other libraries."""

import json
from pathlib import Path

import numpy as np

from roadworthy.core.estimates import mean, proportion

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "causes.json"
NAMES = {"roadworthy": "roadworthy", "dowhy": "DoWhy", "castle": "gcastle"}


def causes_pages() -> dict[str, str]:
    """Give the page by its file name, where there are results."""
    if not RESULTS.exists():
        return {}
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows = {part: [r for r in found["rows"] if r["part"] == part] for part in PARTS}
    versions = (f"{NAMES.get(name, name)} {number}" for name, number in found["versions"].items())
    lines = [
        "# Causes, where the truth is known",
        "",
        "Measured by `benchmarks/causes.py`, on rows that were made so that graph, effect and",
        "what would have been are known. Intervals are of 95 %. Each library does what it does by",
        "default, in an interpreter of its own, on the same rows; seconds are those of the",
        f"processor. Versions: {', '.join(versions)}.",
        "",
    ]
    for part, write in PARTS.items():
        if rows[part]:
            lines += [*write(rows[part], found["protocol"]), ""]
    return {"causes-benchmark.md": "\n".join(lines[:-1]) + "\n"}


def effects(rows: list[dict], protocol: dict) -> list[str]:
    """Say how far estimates of an effect are off, and how often their intervals hold it."""
    return [
        "## Effects",
        "",
        "A treatment and an outcome have two common causes, which are given; 500 rows. The effect",
        "is 1. *Off* is the root of the mean square of what an estimate is off, *bias* its mean,",
        "*holds* the percentage of intervals that hold the truth, *length* the median length of an",
        "interval. Under *curves* one common cause acts by its square, under *uneven effect* the",
        "effect of a row depends on a common cause, and under *little overlap* many rows have",
        "nothing to compare them with.",
        "",
        "| treatment | library | by | off | bias | holds | length | s |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {r['problem']} | {NAMES[r['library']]} | {r['method']} | {intervals(r)} |"
            for r in in_order(rows)
        ),
    ]


def simulations(rows: list[dict], protocol: dict) -> list[str]:
    """The same for interventions that are simulated."""
    return [
        "## Interventions",
        "",
        "Five variables come about from each other by random weights and added normal noise; the",
        "graph is given, and 500 rows. One variable is set from 0 to 1: how does the mean of the",
        "last one change? Under *lines* causes are weighted as they are, under *curves* by their",
        f"size without sign. Intervals are of {protocol['resamples']} resamples, by each library's",
        "own bootstrap.",
        "",
        "| causes | library | off | bias | holds | length | s |",
        "|---|---|---|---|---|---|---|",
        *(f"| {r['problem']} | {NAMES[r['library']]} | {intervals(r)} |" for r in in_order(rows)),
    ]


def counterfactuals(rows: list[dict], protocol: dict) -> list[str]:
    """Say how far counterfactuals are off."""
    lines = [
        "## Counterfactuals",
        "",
        "Of 100 further rows of each model: what would the last variable have been, had another",
        "one been higher by 1? *Off* is the mean distance from what it would have been.",
        "",
        "| causes | library | off | s |",
        "|---|---|---|---|",
    ]
    for r in in_order(rows):
        off = mean("off", np.array(r["off"]), seed=0)
        cells = [
            r["problem"],
            NAMES[r["library"]],
            f"{off.value:.2f} [{off.low:.2f}, {off.high:.2f}]",
        ]
        lines.append(f"| {' | '.join(cells)} | {np.median(r['seconds']):.2g} |")
    return lines


def refutations(rows: list[dict], protocol: dict) -> list[str]:
    """Say how often sound estimates are refuted."""
    lines = [
        "## Refutations",
        "",
        "How often an estimate that is sound is refuted, in percent of",
        f"{protocol['draws']['refutations']}. Each way repeats 20 times.",
        "",
        "| treatment | way | library | refuted | s |",
        "|---|---|---|---|---|",
    ]
    for r in in_order(rows):
        cells = [r["problem"], r["method"], NAMES[r["library"]], share(r["refuted"])]
        lines.append(f"| {' | '.join(cells)} | {np.median(r['seconds']):.2g} |")
    return lines


def graphs(rows: list[dict], protocol: dict) -> list[str]:
    """Score graphs that are found from all rows."""
    return [
        "## Graphs",
        "",
        "Linear models of random graphs in which a variable has two neighbors on average; columns",
        f"in any order, {protocol['draws']['graphs']} graphs each. F1 of *neighbors* and of",
        "*arrows*, in percent over all graphs together: an edge whose direction is left open is no",
        "arrow, and PC and GES leave open what rows cannot tell. LiNGAM needs noise that is not",
        "normal, NOTEARS noise that is equally strong in all variables, as it is here. PC, GES and",
        "LiNGAM are causal-learn's.",
        "",
        *scores(rows),
    ]


def stable(rows: list[dict], protocol: dict) -> list[str]:
    """Score arrows that are found in most halves of the rows."""
    return [
        "### Arrows that most halves of the rows agree on",
        "",
        "What the inspection shows: arrows that are found in eight of ten halves drawn at random.",
        "",
        *scores(rows),
    ]


def experiments(rows: list[dict], protocol: dict) -> list[str]:
    """Say what the inspection makes of declared graphs."""
    lines = [
        "## Declared graphs against an experiment",
        "",
        "In half of the rows somebody has set a column. The check `intervention-forecast` learns",
        "from the other half by a declared graph, and says how far the target is from its forecast",
        f"where the column was set. Verdicts in percent of {protocol['draws']['experiments']}:",
        "",
        "| declared | rows | pass | warn | fail | s |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        said = [share([one == verdict for one in r["verdict"]]) for verdict in VERDICTS]
        cells = [r["problem"], r["method"].removesuffix(" rows"), *said]
        lines.append(f"| {' | '.join(cells)} | {np.median(r['seconds']):.2g} |")
    return lines


VERDICTS = ("pass", "warn", "fail")
PARTS = {
    "effects": effects,
    "simulations": simulations,
    "counterfactuals": counterfactuals,
    "experiments": experiments,
    "refutations": refutations,
    "graphs": graphs,
    "stable": stable,
}


def in_order(rows: list[dict]) -> list[dict]:
    """Put rows of one problem side by side."""
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    return sorted(rows, key=lambda row: problems.index(row["problem"]))


def intervals(row: dict) -> str:
    """Write how far off estimates are, and how their intervals do."""
    off, low, high = (np.array(row[key]) for key in ("off", "low", "high"))
    cells = [f"{np.sqrt(np.square(off).mean()):.2f}", f"{off.mean():+.2f}"]
    cells += [share((low <= 0) & (high >= 0)), f"{np.median(high - low):.2f}"]
    return " | ".join([*cells, f"{np.median(row['seconds']):.2g}"])


def share(is_so: list[bool] | np.ndarray) -> str:
    """Write a share in percent, with its interval."""
    found = proportion("share", int(np.sum(is_so)), len(is_so))
    return f"{100 * found.value:.0f} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def scores(rows: list[dict]) -> list[str]:
    """Give F1 of neighbors and arrows, and the share of arrows said that are right."""
    lines = [
        "| variables, rows, noise | by | library | neighbors | arrows | right of those said | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in in_order(rows):
        total = {
            key: sum(r[key]) for key in ("neighbors", "said neighbors", "right", "said", "true")
        }
        neighbors = 200 * total["neighbors"] / (total["said neighbors"] + total["true"])
        arrows = 200 * total["right"] / (total["said"] + total["true"])
        right = proportion("right", total["right"], total["said"]) if total["said"] else None
        told = (
            "–"
            if right is None
            else (f"{100 * right.value:.0f} [{100 * right.low:.0f}, {100 * right.high:.0f}]")
        )
        cells = [
            r["problem"],
            r["method"],
            NAMES[r["library"]],
            f"{neighbors:.0f}",
            f"{arrows:.0f}",
        ]
        lines.append(f"| {' | '.join([*cells, told])} | {np.median(r['seconds']):.2g} |")
    return lines
