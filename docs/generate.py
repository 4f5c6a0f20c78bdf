"""Write the reference pages from the registries, so that they cannot lie.

python docs/generate.py           write them
python docs/generate.py --check   fail when one is out of date
"""

import inspect
import json
import subprocess
import sys
from pathlib import Path

from active_pages import active_pages
from attack_pages import BENCHMARK, attack_pages, readme_table
from audit_pages import audit_pages
from causes_pages import causes_pages
from defense_pages import defense_pages
from fewshot_pages import fewshot_pages
from ordinal_pages import ordinal_pages
from page_parts import NOTE, facts
from selfsup_pages import selfsup_pages
from semi_pages import semi_pages
from smalldata_pages import smalldata_pages

from roadworthy.cli.catalog import KINDS, describe, registry
from roadworthy.cli.policy_file import default_policy
from roadworthy.core.report import SCHEMA, json_schema

PAGES = Path(__file__).parent / "reference"
README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- attack benchmark -->", "<!-- end of attack benchmark -->"
VERBS = (
    "inspect",
    "attack",
    "repair",
    "train",
    "compare",
    "label",
    "data",
    "diff",
    "report",
    "init",
    "list",
    "show",
)
TITLES = {
    "artifacts": "Artifacts",
    "checks": "Checks",
    "datasets": "Built-in datasets",
    "detectors": "Detectors of adversarial inputs",
    "few-shot": "Few-shot learners",
    "guards": "Guards",
    "models": "Baselines",
    "queries": "Queries: what to label next",
    "strategies": "Strategies",
    "threats": "Threat models beyond balls",
}


def kind_page(kind: str) -> str:
    """Give a table of a kind, then each item's reference page."""
    items = [(describe(item), inspect.getdoc(item) or "") for item in registry(kind)]
    has_code = any("code" in entry for entry, _ in items)
    heads = ["name", *(["code", "area"] if has_code else []), "what it is"]
    lines = [f"# {TITLES[kind]}", "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for entry, _ in items:
        codes = [entry["code"], entry["area"]] if has_code else []
        cells = [f"[`{entry['name']}`](#{entry['name']})", *codes, entry["summary"]]
        lines.append(f"| {' | '.join(cells)} |")
    for entry, page in items:
        lines += ["", f"## {entry['name']}", "", f"*{entry['title']}*", "", *facts(entry), ""]
        lines += ["```text", page, "```"]
    return "\n".join(lines) + "\n"


def command_page() -> str:
    """Give the help of every command."""
    parts = ["# Commands", "", "```text", help_of(), "```"]
    for verb in VERBS:
        parts += ["", f"## roadworthy {verb}", "", "```text", help_of(verb), "```"]
    return "\n".join(parts) + "\n"


def help_of(*words: str) -> str:
    """Run a command's help at a fixed width."""
    command = [sys.executable, "-c", "from roadworthy.cli.main import main; main()"]
    ran = subprocess.run(
        [*command, *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "90", "TERMINAL_WIDTH": "90", "PATH": ""},
    )
    return ran.stdout.replace("Usage: -c", "Usage: roadworthy").strip()


def schema_page() -> str:
    """Give the report's JSON Schema, types first."""
    schema = json_schema()
    lines = [
        "# The report's schema",
        "",
        f"`report.json` says which schema it follows in its first field: `{SCHEMA}`. A field may "
        "be added under the same number; one that changes its meaning or goes away raises it. "
        "Every other format is rendered from this file.",
        "",
    ]
    for name, kind in schema["$defs"].items():
        lines += [f"## {name}", "", first_paragraph(kind.get("description", "")), ""]
        if "properties" in kind:
            lines += ["| field | type |", "|---|---|"]
            lines += [
                f"| `{field}` | {type_name(part)} |" for field, part in kind["properties"].items()
            ]
        elif "enum" in kind:
            lines.append("One of " + ", ".join(f"`{value}`" for value in kind["enum"]) + ".")
        lines.append("")
    dumped = json.dumps(schema, indent=2)
    return "\n".join([*lines, "## JSON Schema", "", "```json", dumped, "```"]) + "\n"


def first_paragraph(text: str) -> str:
    """Give a docstring's text before its list of fields."""
    return text.partition("\n\nArgs:")[0].strip()


def type_name(part: dict) -> str:
    """Name a JSON type in a few words."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in part:
        return " or ".join(type_name(option) for option in part["anyOf"])
    if part.get("type") == "array":
        inner = part.get("items") or {}
        return f"list of {type_name(inner)}" if inner else "list"
    if "enum" in part:
        return " or ".join(f"`{value}`" for value in part["enum"])
    return str(part.get("type", "any"))


def policy_page() -> str:
    """Give the policy file with its defaults."""
    head = "# The policy file\n\n`roadworthy init` writes this file; every value is the default."
    return f"{head}\n\n```toml\n{default_policy()}```\n"


def pages() -> dict[str, str]:
    """Give every generated page by its file name."""
    made = {f"{kind}.md": kind_page(kind) for kind in KINDS if kind in TITLES}
    made |= {"commands.md": command_page(), "report.md": schema_page(), "policy.md": policy_page()}
    made |= attack_pages() | defense_pages() | audit_pages() | causes_pages()
    made |= active_pages() | fewshot_pages() | ordinal_pages()
    made |= selfsup_pages() | semi_pages() | smalldata_pages()
    return {name: NOTE + text for name, text in made.items()}


def main() -> None:
    """Write the pages, or say which are out of date."""
    PAGES.mkdir(exist_ok=True)
    stale, made = [], pages()
    if BENCHMARK.exists():
        before, start, rest = README.read_text(encoding="utf-8").partition(START)
        _, end, after = rest.partition(END)
        made["../../README.md"] = f"{before}{start}\n{readme_table()}\n{end}{after}"
    for name, text in made.items():
        path = PAGES / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in (PAGES / "attacks").glob("*.md"):
        if f"attacks/{path.name}" not in made:
            stale.append(f"attacks/{path.name}")
            if "--check" not in sys.argv:
                path.unlink()
    if stale and "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(stale)}; run: python docs/generate.py")


if __name__ == "__main__":
    main()
