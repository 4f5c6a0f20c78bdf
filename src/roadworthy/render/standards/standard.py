import difflib
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from roadworthy.core.declared import Declared
from roadworthy.core.errors import InputError
from roadworthy.core.finding import Finding

DATED = "2026-11"  # the folder of files in use: a new state of the law is a new folder
FILES = (
    "eu-ai-act",
    "annex-iv",
    "nist-ai-rmf",
    "iso-42001",
    "leakage",
    "claim",
    "probast-ai",
    "reforms",
    "model-card",
    "datasheet",
)


@dataclass(frozen=True)
class Item:
    """One item of a standard, and what in a report speaks to it.

    Args:
        id: its number or name in the standard, such as `15(4)`.
        heading: what it asks for, in our own words.
        section: where in the standard it stands.
        areas: areas whose findings speak to it.
        codes: further findings that do.
        facts: names of facts (`facts.FACTS`) that a report states in any case.
        still: what a person must add; empty where measurement answers all of it.
        checked: whether number and heading were read somewhere, not only remembered.
    """

    id: str
    heading: str
    section: str
    areas: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    still: str = ""
    checked: bool = True

    def is_about(self, code: str, area: str) -> bool:
        """Say whether findings of a check speak to the item."""
        return code in self.codes or area in self.areas


@dataclass(frozen=True)
class Standard:
    """A public framework, checklist or form of document, as one dated data file holds it.

    Args:
        id: what its items are cited by, such as `EU-AI-ACT`.
        title: its name.
        version: of the standard.
        kind: a framework is mapped, a checklist is answered, a document is filled in.
        source: where numbers and headings were read.
        source_is: whether that is the standard's own text (primary) or somebody's account of it.
        date: when they were read.
        items: in the standard's order.
        not_about: areas and codes of checks that it has no item for.
    """

    id: str
    title: str
    version: str
    kind: Literal["framework", "checklist", "document"]
    source: str
    source_is: str
    date: date
    items: tuple[Item, ...]
    not_about: tuple[str, ...] = ()

    def name(self, item: Item) -> str:
        """Give what an item is cited by, such as `CLAIM:7`."""
        return f"{self.id}:{item.id}"

    @property
    def sections(self) -> dict[str, tuple[Item, ...]]:
        """The items by section, in order."""
        names = dict.fromkeys(item.section for item in self.items)
        return {name: tuple(i for i in self.items if i.section == name) for name in names}


@cache
def standards() -> dict[str, Standard]:
    """Read the standards, by id."""
    folder = resources.files(__package__) / DATED
    texts = [(folder / f"{name}.toml").read_text(encoding="utf-8") for name in FILES]
    read = [msgspec.convert(tomllib.loads(text), Standard) for text in texts]
    return {standard.id: standard for standard in read}


def of_kind(kind: str) -> tuple[Standard, ...]:
    """Give the standards of a kind."""
    return tuple(standard for standard in standards().values() if standard.kind == kind)


def items_for(code: str, area: str) -> tuple[str, ...]:
    """Name the items of all frameworks that findings of a check support documentation for."""
    mapped = (s for s in standards().values() if s.kind == "framework" or s.id == "ANNEX-IV")
    return tuple(s.name(item) for s in mapped for item in s.items if item.is_about(code, area))


def spoken_to(standard: Standard, findings: tuple[Finding, ...]) -> dict[Item, tuple[Finding, ...]]:
    """Give the findings that speak to each item; items without any are left out."""
    found = {
        item: tuple(f for f in findings if item.is_about(f.code, f.area)) for item in standard.items
    }
    return {item: about for item, about in found.items() if about}


def must_know(declared: tuple[Declared, ...]) -> None:
    """Refuse answers to items that no checklist or document has.

    Raises:
        InputError: there is one; the message offers the nearest names.
    """
    answered = (*of_kind("checklist"), *of_kind("document"))
    known = {standard.name(item) for standard in answered for item in standard.items}
    for answer in declared:
        if answer.item not in known:
            near = difflib.get_close_matches(answer.item.upper(), sorted(known), n=3, cutoff=0.5)
            ids = ", ".join(f"{standard.id}:…" for standard in answered)
            hint = f"did you mean {' or '.join(near)}?" if near else f"items are called {ids}"
            raise InputError(f"no item is called {answer.item!r}: {hint}")
