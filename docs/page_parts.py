"""What generated pages are made of."""

NOTE = "<!-- Written by docs/generate.py from the code: change the code, not this page. -->\n\n"


def facts(entry: dict) -> list[str]:
    """List what the card says, and the parameters with their defaults."""
    lines = []
    for key in ("code", "aliases", "paper", "threats", "needs", "fixes", "maps_to"):
        value = entry.get(key)
        if value:
            shown = ", ".join(value) if isinstance(value, list | tuple) else value
            lines.append(f"- {key.replace('_', ' ')}: {shown}")
    for parameter in entry["parameters"]:
        why = f" ({parameter['why']})" if parameter["why"] else ""
        shown = "required" if parameter["default"] is None else f"`{parameter['default']}`"
        lines.append(f"- `{parameter['name']}`: {shown}{why}")
    return lines
