"""The pages about attacks: a page each, which one when, the table of 2020, and the benchmark."""

import inspect
import json
import re
from pathlib import Path

from page_parts import facts, table_2020

from roadworthy.attacks import ATTACKS
from roadworthy.attacks.threats import THREATS
from roadworthy.cli.catalog import describe
from roadworthy.core.model import Offer
from roadworthy.core.threat import NORMS

HERE = Path(__file__).parent
PICTURES = HERE / "reference" / "attacks" / "pictures"
TABLE_2020 = HERE / "data" / "evasion_attacks_2020.csv"
OURS = "roadworthy"
BENCHMARK = HERE.parent / "benchmarks" / "results" / "attacks.json"
# what an attacker sees of the model, strongest first
ACCESS = {
    "gradients": (Offer.GRADIENTS, "the model itself, with gradients"),
    "trees": (Offer.TREES, "the model itself, as trees"),
    "scores": (Offer.SCORES, "scores of each class"),
    "labels": (Offer.LABELS, "labels only"),
}
NAMES = {"linf": "L-inf", "l2": "L2", "l1": "L1", "l0": "L0"}


def attack_pages() -> dict[str, str]:
    """Give every page about attacks by its file name."""
    made = {f"attacks/{attack.card.name}.md": attack_page(attack) for attack in ATTACKS}
    made |= {"attacks.md": overview(), "attack-table.md": common_attacks()}
    if BENCHMARK.exists():
        made["attack-benchmark.md"] = benchmark()
    return made


def attack_page(attack) -> str:
    """Give an attack's reference page, with a picture of what it does."""
    entry, page = describe(attack), inspect.getdoc(attack) or ""
    lines = [f"# {entry['title']}", "", f"`{entry['name']}`: {entry['summary']}", ""]
    lines += [*facts(entry), ""]
    if (PICTURES / f"{entry['name']}.png").exists():
        caption = "A digit, what the attack made of it, and the change between them."
        lines += [f"![{caption}](pictures/{entry['name']}.png)", "", f"*{caption}*", ""]
    lines += ["```text", page, "```", ""]
    if attack.expected_failures:
        lines += ["Promises of the contract tests that the method cannot keep:", ""]
        lines += [f"- {words(test)}: {why}" for test, why in attack.expected_failures.items()]
        lines.append("")
    name = entry["name"]
    lines += ["```console", f"roadworthy attack MODEL DATA --attack {name}", "```"]
    return "\n".join(lines) + "\n"


def words(test: str) -> str:
    """Read a test's name as a sentence."""
    return test.removeprefix("test_").replace("_", " ")


def access(attack) -> str:
    """Say what an attack has to see of the model."""
    return next((key for key, (offer, _) in ACCESS.items() if offer in attack.needs), "gradients")


def paragraph(page: str, heading: str) -> str:
    """Give one headed paragraph of a reference page on one line."""
    lines = iter(page.splitlines())
    found = next((text for text in lines if text.startswith(f"{heading}: ")), "")
    for text in lines:
        if not text or re.match(r"[A-Z][a-z ]+: ?", text):
            break
        found += f" {text}"
    return found.removeprefix(f"{heading}: ")


def overview() -> str:
    """Give which attack to take when, then all of them."""
    lines = [
        "# Attacks",
        "",
        "## Which attack when",
        "",
        "Two questions decide: what does the attacker see of the model, and what may he change?",
        "Attacks in *italics* look for the nearest error and give a whole curve in one run; the",
        "others are held to a budget and stop at the first error.",
        "",
    ]
    kinds = [*NORMS, *THREATS.names()]
    lines += [f"| may change | {' | '.join(text for _, text in ACCESS.values())} |"]
    lines += [f"|{'---|' * (len(ACCESS) + 1)}"]
    for kind in kinds:
        cells = [
            ", ".join(link(attack) for attack in ATTACKS if fits(attack, key, kind)) or "–"
            for key in ACCESS
        ]
        lines.append(f"| {NAMES.get(kind, kind)} | {' | '.join(cells)} |")
    lines += ["", GUIDE, "## All attacks", ""]
    lines += ["| name | also | within | sees | cost |", "|---|---|---|---|---|"]
    for attack in ATTACKS:
        within = ", ".join(NAMES.get(kind, kind) for kind in sorted(attack.threats))
        cost = paragraph(inspect.getdoc(attack) or "", "Cost")
        also = ", ".join(attack.card.aliases)
        cells = (link(attack), also, within, access(attack), cost)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


GUIDE = """## In short

- **A number to report**, with gradients: `auto-attack` at your budget. It is an ensemble that needs
  no tuning, and what it leaves standing is the usual robust accuracy.
- **The whole curve** of accuracy over budget: `ddn` (L2), `fmn` (any norm) or `sigma-zero` (L0).
- **A deployed endpoint with scores**: `square`; **with labels only**: `hop-skip-jump` or `rays`.
- **No access at all**: make inputs on a surrogate with `mi-fgsm` or `vmi-fgsm`, and pass the
  attacked model to judge them (`rw.run_attack(..., surrogate=copy)`).
- **Trees**: `tree-ensemble` is exact; gradients of a forest do not exist.
- **Tables**: attacks that honor what cannot change, what only grows, whole numbers and categories.
- **A camera in the world**: `spatial`, `laser-beam`, `adversarial-patch`, `phantom`.
- **A defense that hides its gradients**: nothing to choose. A model that declares a step without a
  derivative, or randomness, is attacked through BPDA and EOT by itself; see the alarms.

One attack proves little: name several, and each sees only what the ones before left standing.
`fgsm` is weak and serves as a control.
"""


def link(attack) -> str:
    """Link to an attack's page; a minimal one in italics."""
    text = f"[`{attack.card.name}`](attacks/{attack.card.name}.md)"
    return f"*{text}*" if attack.is_minimal else text


def fits(attack, key: str, kind: str) -> bool:
    """Say whether an attack belongs into a cell of the table."""
    return access(attack) == key and kind in attack.threats


def common_attacks() -> str:
    """Give the table of 2020 with a column for what there is here."""
    lines = [
        "# Common attacks, then and now",
        "",
        "The evasion attacks of table 3 in Raschka, Patterson and Nolet 2020, *Machine Learning in",
        "Python* (Information 11, 193, doi:10.3390/info11040193), as its libraries had them then,",
        "and what there is here, read from the registry. `roadworthy show attack NAME` takes each",
        "of these names.",
        "",
        *table_2020(TABLE_2020, ATTACKS, link, {}),
    ]
    return "\n".join(lines) + "\n"


def readme_table() -> str:
    """Give the comparison in short: ours, and the strongest of the others, then the fastest."""
    results = json.loads(BENCHMARK.read_text(encoding="utf-8"))["results"]
    lines = ["| | roadworthy | best of the others | |", "|---|---|---|---|"]
    for row, found in results.items():
        others = {k: n for k, n in found.items() if k != OURS and "failed" not in n}
        if OURS not in found or not others:
            continue
        best = min(others, key=lambda name: _rank(others[name]))
        lines.append(f"| {row} | {_short(found[OURS])} | {_short(others[best])} | {best} |")
    note = "Success, median norm of the successes, and seconds of processor time, on MNIST."
    return "\n".join([note, "", *lines])


def _rank(numbers: dict) -> tuple:
    return -numbers["success"], numbers["median_norm"], numbers["seconds"]


def _short(numbers: dict) -> str:
    norm = numbers["median_norm"]
    norm = "–" if norm is None else f"{norm:.3g}"
    return f"{numbers['success']:.0%}, {norm}, {numbers['seconds']:.2f} s"


def benchmark() -> str:
    """Give the comparison with other libraries, as it was measured last."""
    report = json.loads(BENCHMARK.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {v}" for name, v in report["versions"].items() if v)
    lines = [
        "# Attacks beside other libraries",
        "",
        "Measured by `benchmarks/attacks.py`: one network, the same images, one thread, all",
        f"libraries in one run. {report['network']}. Budgets: L-inf {report['eps']['linf']}, L2",
        f"{report['eps']['l2']}. Norms are medians over successes, so they compare only at like",
        "success; passes are per image; *over floor* is the processor time divided by that of as",
        f"many bare passes. {versions}.",
        "",
        "## What was aimed at",
        "",
        "| aim | measured | at most | |",
        "|---|---|---|---|",
    ]
    for goal in report["goals"]:
        met = "met" if goal["met"] else "**missed**"
        lines.append(f"| {goal['goal']} | {goal['measured']} | {goal['at_most']} | {met} |")
    lines += [
        "",
        "## All rows",
        "",
        "| row | library | success | median norm | forward | backward | seconds | over floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row, found in report["results"].items():
        for library, n in found.items():
            if "failed" in n:
                lines.append(f"| {row} | {library} | stopped: {n['failed']} | | | | | |")
                continue
            norm = "–" if n["median_norm"] is None else f"{n['median_norm']:.4g}"
            lines.append(
                f"| {row} | {library} | {n['success']:.3f} | {norm} | "
                f"{n['forward_per_image']:g} | {n['backward_per_image']:g} | {n['seconds']:.2f} | "
                f"{n['over_floor']:.2f} |"
            )
    return "\n".join(lines) + "\n"
