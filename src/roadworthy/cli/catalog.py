import dataclasses
import importlib
import inspect
import json
from typing import Annotated, Any

import typer

from roadworthy.core.card import Card

# kind: module and name of its registry; looked up when asked for, as some take long to import
KINDS = {
    "attacks": ("roadworthy.attacks", "ATTACKS"),
    "artifacts": ("roadworthy.artifacts", "ARTIFACTS"),
    "checks": ("roadworthy.checks", "CHECKS"),
    "datasets": ("roadworthy.sources", "DATASETS"),
    "threats": ("roadworthy.attacks.threats", "THREATS"),
    "models": ("roadworthy.recipes", "RECIPES"),
    "recipes": ("roadworthy.recipes", "RECIPES"),
    "defenses": ("roadworthy.workflows.defenses", "DEFENSES"),
    "strategies": ("roadworthy.strategies", "STRATEGIES"),
    "guards": ("roadworthy.guards", "GUARDS"),
    "detectors": ("roadworthy.guards", "DETECTORS"),
    "queries": ("roadworthy.queries", "QUERIES"),
    "few-shot": ("roadworthy.fewshot", "FEW_SHOT"),
}

LIST_EXAMPLES = """
Examples:

  roadworthy list checks
  roadworthy list attacks --json
"""
SHOW_EXAMPLES = """
Examples:

  roadworthy show check calibration
  roadworthy show check RW-LEAK-004
  roadworthy show attack PGD
"""
SHOWN = ("code", "area", "aliases", "paper", "threats", "needs", "fixes", "supports")
Kind = Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.", show_default=False)]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON for a script.", show_default=False)
]


def list_kind(kind: Kind, as_json: AsJson = False) -> None:
    """List everything of a kind that there is."""
    from rich.console import Console
    from rich.table import Table

    entries = [describe(item) for item in registry(kind)]
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "also", "what it is"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        also = ", ".join([*([entry["code"]] if "code" in entry else []), *entry["aliases"]])
        table.add_row(entry["name"], also, entry["summary"])
    Console().print(table)


def show(
    kind: Kind,
    name: Annotated[str, typer.Argument(help="A name, alias or code, in any case.")],
    as_json: AsJson = False,
) -> None:
    """Show the reference page of one thing."""
    item = find(kind, name)
    entry = describe(item)
    if as_json:
        typer.echo(json.dumps(entry | {"page": inspect.getdoc(item)}, indent=2))
        return
    typer.echo(f"{entry['name']} - {entry['title']}")
    for key in (
        "code",
        "area",
        "aliases",
        "paper",
        "threats",
        "needs",
        "fixes",
        "safety",
        "supports",
    ):
        if entry.get(key):
            value = entry[key]
            typer.echo(f"  {key}: {value if isinstance(value, str) else ', '.join(value)}")
    typer.echo(f"\n{inspect.getdoc(item)}")
    if entry["parameters"]:
        typer.echo("\nDefaults:")
    for parameter in entry["parameters"]:
        typer.echo(f"  {parameter['name']} = {parameter['default']!r}{_because(parameter)}")


def registry(kind: str) -> Any:
    """Find a kind's registry by its plural or singular.

    Raises:
        InputError: there is no such kind.
    """
    from roadworthy.core.errors import InputError

    named = kind.casefold()
    plural = (
        named
        if named in KINDS
        else f"{named.removesuffix('y')}ies"
        if named.endswith("y")
        else f"{named}s"
    )
    if plural not in KINDS:
        raise InputError(f"there is no kind {kind!r}: one of {', '.join(KINDS)}")
    module, name = KINDS[plural]
    return getattr(importlib.import_module(module), name)


def find(kind: str, name: str) -> Any:
    """Find an item by name, alias or code.

    Raises:
        InputError: there is none.
    """
    items = registry(kind)
    for item in items:
        if getattr(item, "code", "").casefold() == name.casefold():
            return item
    return items.get(name)


def describe(item: Any) -> dict[str, Any]:
    """Say what an item is, as plain data."""
    from roadworthy.core.registry import summary

    card: Card = item.card
    entry = dataclasses.asdict(card) | {"summary": summary(item)}
    for name in ("code", "area"):
        if hasattr(item, name):
            entry[name] = getattr(item, name)
    if "code" in entry:
        from roadworthy.render.standards import items_for

        entry["supports"] = list(items_for(entry["code"], entry["area"]))
    if hasattr(item, "threats"):
        entry["threats"] = sorted(item.threats)
    if isinstance(getattr(item, "needs", None), frozenset):
        entry["needs"] = sorted(item.needs)
    return entry | {"parameters": _parameters(item)}


def _parameters(item: Any) -> list[dict[str, Any]]:
    if not dataclasses.is_dataclass(item):
        return []
    return [
        {"name": part.name, "default": _plain(part.default), "why": part.metadata.get("why", "")}
        for part in dataclasses.fields(item)
    ]


def _plain(default: Any) -> Any:
    if default is dataclasses.MISSING:
        return None
    return default if isinstance(default, str | int | float | bool | None) else repr(default)


def _because(parameter: dict[str, Any]) -> str:
    return f"  ({parameter['why']})" if parameter["why"] else ""
