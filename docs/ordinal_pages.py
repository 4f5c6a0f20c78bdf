"""The page about ordinal heads beside those of other libraries."""

import json
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "ordinal.json"
MEASURES = {"mae": "MAE", "amae": "AMAE", "qwk": "QWK", "accuracy": "accuracy"}


def ordinal_pages() -> dict[str, str]:
    """Give the page by its file name, where there are results."""
    if not RESULTS.exists():
        return {}
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = [
        "# Ordinal heads beside other libraries",
        "",
        *introduction(found),
        *overall(found),
        *by_table(found),
        *fireman(found.get("fireman", {})),
    ]
    return {"ordinal-benchmark.md": "\n".join(lines) + "\n"}


def introduction(found: dict) -> list[str]:
    """Say what was done the same for all."""
    recipe, tables = found["recipe"], found["tables"].values()
    splits = sorted({table["splits"] for table in tables})
    versions = [f"{name} {number}" for name, number in found["versions"].items() if number]
    return [
        "Measured by `benchmarks/ordinal.py`: the same network for every head,",
        f"{recipe['depth']} hidden layers of {recipe['width']}, {recipe['epochs']} epochs with",
        f"batches of {recipe['batch']} by AdamW at {recipe['rate']:g}, the same start and",
        "the same batches.",
        "Nothing is tuned. mord's models are linear, on the same encoded columns.",
        f"{len(tables)} tables, {' or '.join(map(str, splits))} splits of each: those that come",
        "with a table, else stratified random ones with three quarters to train on.",
        *failed(found),
        f"Versions: {', '.join(versions)}.",
        "",
    ]


def failed(found: dict) -> list[str]:
    """Say which trainings ended early; they are left out of the means."""
    lines = []
    for table, t in found["tables"].items():
        for name, measures in t["methods"].items():
            if times := int(np.isnan(measures["mae"]).sum()):
                lines.append(f"{name} ended with a loss of NaN in {times} splits of {table}.")
    return lines


def overall(found: dict) -> list[str]:
    """Rank the methods over the tables."""
    ranking = found["ranking"]
    order = np.argsort(ranking["ranks"])
    best, far = ranking["ranks"][order[0]], ranking["critical_difference"]
    alike = sum(rank - best < far for rank in ranking["ranks"])
    lines = [
        "## Over all tables",
        "",
        "Mean rank by the mean absolute error (MAE), 1 is best; the other columns are means over",
        "tables: AMAE counts all classes alike, QWK is the quadratic kappa. *Out of order* are the",
        "test rows on which a higher rank is surer than a lower one, for heads that have ranks.",
        f"By Nemenyi's test at 5 %, mean ranks that are {far:.2f} apart differ (Demšar 2006;",
        f"Friedman: p = {ranking['friedman_p']:.1g}):",
        f"**{alike} of {len(order)} methods cannot be told from the best.**",
        "`benchmarks/results/ordinal.svg` draws it.",
        "",
        "| method | mean rank | MAE | AMAE | QWK | accuracy | out of order |",
        "|---|---|---|---|---|---|---|",
    ]
    for k in order:
        name = ranking["names"][k]
        cells = [name, f"{ranking['ranks'][k]:.1f}"]
        cells += [f"{mean_over_tables(found, name, key):.3f}" for key in MEASURES]
        lines.append(f"| {' | '.join([*cells, out_of_order(found, name)])} |")
    return [*lines, ""]


def mean_over_tables(found: dict, name: str, key: str) -> float:
    """Give a method's mean of a measure over the tables."""
    tables = found["tables"].values()
    return float(np.mean([np.nanmean(table["methods"][name][key]) for table in tables]))


def out_of_order(found: dict, name: str) -> str:
    """Write the share of test rows whose ranks contradict each other."""
    broken = rows = 0
    for table in found["tables"].values():
        counts = table["methods"][name]["broken"]
        if counts[0] is None:
            return "–"
        broken += sum(counts)
        rows += table["test_rows"] * len(counts)
    return f"{100 * broken / rows:.2g} %" if broken else "0"


def by_table(found: dict) -> list[str]:
    """Give the mean absolute error of each method on each table, the least in bold."""
    tables = found["tables"]
    order = [found["ranking"]["names"][k] for k in np.argsort(found["ranking"]["ranks"])]
    titles = [f"{name} ({t['rows']}, {t['classes']})" for name, t in tables.items()]
    lines = [
        "## Mean absolute error by table",
        "",
        "In brackets rows and classes.",
        "",
        f"| method | {' | '.join(titles)} |",
        f"|---|{'---|' * len(titles)}",
    ]
    least = {
        table: min(np.nanmean(t["methods"][name]["mae"]) for name in order)
        for table, t in tables.items()
    }
    for name in order:
        cells = []
        for table, t in tables.items():
            value = np.nanmean(t["methods"][name]["mae"])
            cells.append(f"**{value:.3f}**" if value == least[table] else f"{value:.3f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def fireman(rows: dict) -> list[str]:
    """Hold the heads against what the paper of CORN reports."""
    if not rows:
        return []
    lines = [
        "## Fireman, as in the paper of CORN",
        "",
        "The paper's split (30,922 and 8,138 rows of 10 columns, 16 classes), its network of two",
        "layers of 300, its rates and batches, for 30 epochs of its 200, one seed, the last epoch",
        "taken; theirs is the mean of 5 seeds, of each the epoch that was best in validation",
        "(`experiment-logs` of Raschka-research-group/corn-ordinal-neuralnet).",
        "",
        "| head | MAE | the paper's MAE | RMSE | out of order |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        broken = "–" if row["broken"] is None else f"{row['broken']} of {row['test_rows']}"
        paper = f"{row['paper']:.3f} ± {row['spread']:.3f}"
        lines.append(f"| {name} | {row['mae']:.3f} | {paper} | {row['rmse']:.3f} | {broken} |")
    return [*lines, ""]
