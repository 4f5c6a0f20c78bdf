"""What generated pages are made of."""

import csv
from pathlib import Path

NOTE = "<!-- Written by docs/generate.py from the code: change the code, not this page. -->\n\n"


def facts(entry: dict) -> list[str]:
    """List what the card says, and the parameters with their defaults."""
    lines = []
    for key in ("code", "aliases", "paper", "threats", "needs", "fixes", "supports"):
        value = entry.get(key)
        if value:
            shown = ", ".join(value) if isinstance(value, list | tuple) else value
            lines.append(f"- {key.replace('_', ' ')}: {shown}")
    for parameter in entry["parameters"]:
        why = f" ({parameter['why']})" if parameter["why"] else ""
        shown = "required" if parameter["default"] is None else f"`{parameter['default']}`"
        lines.append(f"- `{parameter['name']}`: {shown}{why}")
    return lines


def table_2020(path: Path, registry, link, more: dict) -> list[str]:
    """Give a table of 2020 with columns for what there is here, read from the registry.

    Args:
        path: CSV of names, under which the registry has what is meant, and of libraries.
        registry: where they are found.
        link: makes a link of an item.
        more: further columns, each a function of an item, by heading.
    """
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kind, *columns = rows[0]
    libraries = [name for name in columns if name != "names"]
    heads = [kind, *libraries, "Roadworthy", *more]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for row in rows:
        known = [registry.get(name) for name in row["names"].split(";") if name in registry]
        ours = list(dict.fromkeys(known))
        cells = [row[kind], *(row[name] for name in libraries)]
        cells.append(", ".join(link(item) for item in ours) or "no")
        cells += [", ".join(column(item) for item in ours) or "–" for column in more.values()]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
