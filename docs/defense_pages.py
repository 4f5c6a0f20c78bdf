"""The pages about defenses: what each fixes and whether it holds, and the table of 2020."""

import json
from pathlib import Path

from page_parts import table_2020

from roadworthy.core.guard import Guard
from roadworthy.core.registry import summary
from roadworthy.workflows.defenses import DEFENSES

HERE = Path(__file__).parent
TABLE_2020 = HERE / "data" / "defenses_2020.csv"
BENCHMARK = HERE.parent / "benchmarks" / "results" / "defenses.json"
ROBUST = BENCHMARK.parent / "robust_training.json"
NOT_MEASURED = "–"


def defense_pages() -> dict[str, str]:
    """Give every page about defenses by its file name."""
    made = {"defenses.md": overview(), "defense-table.md": common_defenses()}
    if BENCHMARK.exists():
        made["defense-benchmark.md"] = benchmark()
    return made


def link(defense) -> str:
    """Point to the reference page of a defense."""
    page = "guards" if issubclass(defense, Guard) else "strategies"
    return f"[`{defense.card.name}`]({page}.md#{defense.card.name})"


def measured() -> dict[str, dict]:
    """Give what the benchmark found, by the defense's name."""
    if not BENCHMARK.exists():
        return {}
    rows = json.loads(BENCHMARK.read_text(encoding="utf-8"))["defenses"]
    return {row["defense"]: row for row in rows}


def holds(defense) -> str:
    """Say whether a defense holds against an attacker who knows of it, as the benchmark found."""
    row = measured().get(defense.card.name)
    return row["holds"] if row else NOT_MEASURED


def overview() -> str:
    """Give the table of all defenses."""
    lines = [
        "# Defenses",
        "",
        "What `roadworthy repair --defense NAME` applies: strategies train the model anew, guards",
        "wrap it. *Holds* says whether the gain was still there when the attacker knew of the",
        "defense, in [the benchmark](defense-benchmark.md); a defense that does not hold hides",
        "errors instead of removing them.",
        "",
        "| defense | kind | fixes | holds | what it is |",
        "|---|---|---|---|---|",
    ]
    for defense in DEFENSES:
        kind = "guard" if issubclass(defense, Guard) else "strategy"
        fixes = ", ".join(defense.card.fixes)
        lines.append(
            f"| {link(defense)} | {kind} | {fixes} | {holds(defense)} | {summary(defense)} |"
        )
    return "\n".join(lines) + "\n"


def common_defenses() -> str:
    """Give the table of 2020 with columns for what there is here, and whether it holds."""
    lines = [
        "# Common defenses, then and now",
        "",
        "The defenses of table 3 in Raschka, Patterson and Nolet 2020, *Machine Learning in",
        "Python* (Information 11, 193, doi:10.3390/info11040193), as its libraries had them then,",
        "and what there is here, read from the registry. Region-based classification is called",
        "*regr.-based* there. The last column is what [the benchmark](defense-benchmark.md) found",
        "against attacks that know of the defense.",
        "",
        *table_2020(TABLE_2020, DEFENSES, link, {"holds adaptively?": holds}),
    ]
    return "\n".join(lines) + "\n"


def benchmark() -> str:
    """Give what the benchmark found, with all that is needed to read it."""
    found = json.loads(BENCHMARK.read_text(encoding="utf-8"))
    lines = [
        "# Defenses, attacked by somebody who knows of them",
        "",
        "Measured by `benchmarks/defenses.py`.",
        *found["about"],
        "",
        "| defense | accuracy | static | adaptive | gain that holds | holds | training, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["defenses"]:
        numbers = [interval(row[name]) for name in ("clean", "static", "adaptive", "gain")]
        lines.append(
            f"| {row['defense']} | {' | '.join(numbers)} | {row['holds']} | {row['seconds']:.0f} |"
        )
    if ROBUST.exists():
        lines += ["", *robust_training()]
    lines += ["", "## Training time", "", "| training | seconds per epoch | over the bare loop |"]
    lines.append("|---|---|---|")
    for row in found["training"]:
        lines.append(f"| {row['name']} | {row['seconds']:.2f} | {row['ratio']:.2f} |")
    lines += ["", "## Certificates by randomized smoothing", ""]
    lines += [
        "One thread, the same model, images and 100 noisy copies per pass; 100 copies choose the",
        "class and 10,000 estimate its share. *Chance* is the least p-value, times the number of",
        "images, that the votes of one image differ from those of the plain loop.",
        "",
        "| certificates | seconds per image | over the plain loop | mean radius | chance |",
        "|---|---|---|---|---|",
    ]
    for row in found["smoothing"]:
        lines.append(
            f"| {row['name']} | {row['seconds']:.2f} | {row['ratio']:.2f} | {row['radius']:.3f} "
            f"| {row['chance']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def interval(shares: list[float]) -> str:
    """Write a share with its interval."""
    value, low, high = (f"{100 * share:.1f}" for share in shares)
    return f"{value}% [{low}, {high}]"


def robust_training() -> list[str]:
    """Give how the trainings that hold do at the radius of their papers."""
    rows = json.loads(ROBUST.read_text(encoding="utf-8"))
    first = rows[0]
    lines = [
        "## At the papers' radius",
        "",
        "Measured by `benchmarks/robust_training.py`: MNIST, L-inf 0.3, the whole of AutoAttack.",
        f"{first['images']:,} training images, two convolutions and two linear layers with",
        f"{first['weights']:,} weights, on one core. Of the papers' own networks, which are larger",
        "and were trained for longer, AutoAttack leaves 88.4 % (Madry et al.) and 92.8 % (TRADES)",
        "by [its authors' list](https://github.com/fra31/auto-attack#mnist---linf). All settings",
        "that were tried are shown; as the same test images compare them, the best of them looks a",
        "little better than it is. A longer training is not a more robust one: it learns the",
        "attacks on its own rows by heart.",
        "",
        "| training | radius | steps | epochs | accuracy | PGD, 40 steps | AutoAttack | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        settings, epochs = row["settings"], row["recipe"]["epochs"]
        asked = f"{settings['eps']} | {settings['steps']} | {epochs}"
        shares = [interval(row[name]) for name in ("clean", "pgd", "auto_attack")]
        seconds = f"{row['training_seconds']:.0f}"
        lines.append(f"| {row['training']} | {asked} | {' | '.join(shares)} | {seconds} |")
    return lines
