"""The page about what inspections find of what was planted, and what other tools find."""

import json
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "audit.json"
NO_CHECK = "–"


def audit_pages() -> dict[str, str]:
    """Give the page by its file name, where there are results."""
    if not RESULTS.exists():
        return {}
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = [
        "# Flaws that were planted, and flaws that were not",
        "",
        "Measured by `benchmarks/audit.py`. Shares come with Wilson intervals of 95 %.",
        "",
        *clean(found["clean"]),
        *planted(found["planted"]),
        *(compared(found["compared"], found["peers"]) if "peers" in found else ()),
    ]
    return {"audit-benchmark.md": "\n".join(lines) + "\n"}


def percent(shares: list[float]) -> str:
    """Write a share with its interval, in percent."""
    value, low, high = (f"{100 * share:.0f}" for share in shares)
    return f"{value} [{low}, {high}]"


def clean(found: dict) -> list[str]:
    """Say how often something was found in data sets without a flaw."""
    failed, n, *shares = found["inspections_with_a_fail"]
    lines = [
        "## Without a flaw",
        "",
        f"{len(found['designs'])} kinds of data sets, each drawn {found['draws']} times from",
        "distributions that a linear model learns, with metadata that plays no part, and inspected",
        "with such a model by every check of data and of how they were used:",
        f"{'; '.join(found['designs'])}. A `fail` says that an interval of 95 % lies beyond a",
        "limit, so chance may bring one in forty judgments of what lies just at the limit, and",
        "fewer of what does not.",
        f"**{failed} of {n} inspections had a `fail`: {percent(shares)} %.**",
        "A `warn` says that the data do not suffice to rule a flaw out; it is no false alarm, but",
        "somebody has to read it.",
        "",
        "| check | judged | fails, % | warns |",
        "|---|---|---|---|",
    ]
    for row in found["checks"]:
        if row["judged"]:
            cells = (row["check"], row["judged"], percent(row["fails"]), row.get("warn", 0))
            lines.append(f"| {' | '.join(map(str, cells))} |")
    if found["alarms"]:
        lines += ["", "Every false alarm:", ""]
        lines += [
            f"- {each['design']}: {each['check']}. {each['claim']}" for each in found["alarms"]
        ]
    return [*lines, ""]


def planted(rows: list[dict]) -> list[str]:
    """Give the detection curve of each flaw."""
    lines = [
        "## Planted flaws",
        "",
        f"Each strength was drawn {rows[0]['draws']} times. A cell gives the strength, the percent",
        "found (by a `fail` or a `warn`) with its interval, and after the stroke the percent of a",
        "`fail`; *not judged* where the check declines to. The first strength is no flaw. To find",
        "nothing below the limit of a check is no miss: a class five times rarer than another is",
        "not called rare, and warns where the model may miss it more than others; a column that",
        "tells four rows in five is like honest ones (0.76 in breast-cancer, 0.94 in Iris). From",
        "three wrong labels in ten on, few rows do not tell them from hard rows: not judged.",
        "Proxies, missing values that tell, and borders of no known source warn at most.",
        "",
        "| flaw | check | strength: found / fails |" + " |" * 5,
        "|---|---|" + "---|" * 6,
    ]
    for row in rows:
        cells = [f"{row['flaw']}, {row['unit']}", ", ".join(f"`{c}`" for c in row["checks"])]
        for grade in row["grades"]:
            told = f"{percent(grade['found'])} / {100 * grade['failed'][0]:.0f}"
            if grade["not_judged"] == row["draws"]:
                told = "not judged"
            cells.append(f"{grade['strength']:g}: {told}")
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def compared(rows: list[dict], parts: list[dict]) -> list[str]:
    """Compare what each tool found in the same cases, and what it made up."""
    names = [row["tool"] for row in rows]
    cases = next(len(part["rows"]) for part in parts if part["name"] == "cases")
    versions = [f"{part['name']} {part['version']}" for part in parts if part["version"]]
    lines = [
        "## Beside other tools",
        "",
        f"The same {cases} tables for every tool: those above without a flaw, one draw of each;",
        "each flaw, weak and at its strongest; and real data with known flaws. Each tool does",
        "what it does by default, with the same linear model, in an environment of its own; which",
        "of its reports count for which flaw is in `benchmarks/audit_peers/claims.py`. *False* are",
        "tables without a flaw of which it reports one of these. *Time* is that of the processor",
        "over the cases that every tool finished, as a multiple of ours. Cleanlab lists rows and",
        "Fairlearn gives numbers, without a verdict: *any* counts any row listed, *many* more than",
        "our limits allow; Fairlearn's gaps are held against our limit of 0.1. Shifts count in the",
        "rows that are named, and one table without a flaw has production rows: of columns that",
        "drift between training and test rows nothing is counted, by any tool. Deepchecks does not",
        "look for rare classes in its suites, and its condition warns where no class is rare; its",
        "check of performance by group, which is in no suite, was run where groups are named.",
        f"Versions: {', '.join(versions)}.",
        "",
        "| tool | planted: found | real: found | false | cases judged | time |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        counts = [of(row[key]) for key in ("planted", "real", "false")]
        cells = [row["tool"], *counts, f"{row['judged']} of {cases}", f"{row['ratio']:.2g}"]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "By flaw: found of the cases that the tool judged, and tables without a flaw of which it",
        "reports it; – where it has no check.",
        "",
        f"| flaw | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for flaw in rows[0]["flaws"]:
        lines.append(f"| {flaw} | {' | '.join(of_flaw(row, flaw) for row in rows)} |")
    return lines


def of_flaw(row: dict, flaw: str) -> str:
    """Write how often a tool found a flaw, and how often it made it up."""
    if flaw not in row["false_by_flaw"]:
        return NO_CHECK
    made_up = row["false_by_flaw"][flaw]
    return of(row["flaws"][flaw]) + (f"; {made_up} false" if made_up else "")


def of(count: list[int]) -> str:
    """Write how many of how many."""
    return f"{count[0]} of {count[1]}"
