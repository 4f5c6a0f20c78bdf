"""The page about which training to take with few labels, from the comparison's own results."""

import json
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "smalldata.json"


def smalldata_pages() -> dict[str, str]:
    """Give the page by its file name, where there are results."""
    if not RESULTS.exists():
        return {}
    lines = [
        "# Which training, with few labels?",
        "",
        "Measured by `benchmarks/smalldata.py`: `roadworthy compare` on several data sets;",
        "within one table all trainings have the same labels, first weights and rows through the",
        "network, and one half of the test rows chose what is recommended while the other half",
        "gives the numbers. Your data are not these; the command answers for yours.",
        "",
        "A gain is over the plain recipe with as many labels, with an interval that holds for all",
        "trainings of its column at once. **Bold** gains lie surely above 0, *slanted* ones surely",
        "below: there the strategy did harm. *Area* is the mean score over the logarithm of the",
        "number of labels.",
        "",
        "The budget of rows decides, too. A method that looks at many unlabelled rows for each",
        "labelled one makes fewer steps with them: at 20,000 rows some have made too few to learn",
        "anything with 400 labels, while the plain recipe has. Such a loss speaks of the budget",
        "and not of the method; the command gives it as a loss, for whoever has that budget.",
    ]
    for found in json.loads(RESULTS.read_text(encoding="utf-8")):
        lines += ["", f"## {found['data'].capitalize()}", "", found["said"], ""]
        lines += [f"{found['seeds']} seeds, {found['passes']:,} rows through each network.", ""]
        lines += table(found)
    return {"smalldata-benchmark.md": "\n".join(lines) + "\n"}


def table(found: dict) -> list[str]:
    """Compare the trainings on one data set, by their area."""
    labels = list(dict.fromkeys(entry["labels"] for entry in found["entries"]))
    entries = {(entry["name"], entry["labels"]): entry for entry in found["entries"]}
    plain = found["entries"][0]["name"]
    heads = ["training", "area", *(f"{n} labels" for n in labels), "seconds"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for name, area in sorted(found["area"].items(), key=lambda item: -item[1]):
        cells = [cell(entries[name, n], is_plain=name == plain) for n in labels]
        seconds = entries[name, labels[-1]]["seconds"]
        lines.append(f"| `{name}` | {100 * area:.1f} | {' | '.join(cells)} | {seconds:.1f} |")
    return lines


def cell(entry: dict, *, is_plain: bool) -> str:
    """Write the plain recipe's score, or another's gain over it, in points."""
    if is_plain:
        return f"{100 * entry['score']['value']:.1f}"
    value, low, high = (100 * entry["gain"][key] for key in ("value", "low", "high"))
    mark = {"better": "**", "harms": "*"}.get(entry["verdict"], "")
    return f"{mark}{value:+.1f}{mark} [{low:+.1f}, {high:+.1f}]"
