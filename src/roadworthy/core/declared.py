import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadworthy.core.errors import InputError


@dataclass(frozen=True)
class Declared:
    """What a person answers where no check can; shown as declared, never as measured.

    Args:
        item: which item of which standard, such as `CLAIM:7`.
        text: the answer.
        by: who gave it.
        when: the day it was given.
    """

    item: str
    text: str
    by: str = ""
    when: str = ""


def read_declared(path: Path) -> tuple[Declared, ...]:
    """Read the table `[declared]` of a TOML file; what else the file holds is not looked at.

    Raises:
        InputError: it is not TOML, has no such table, or an answer in it is not a text.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot read the declaration {path}: {error}") from None
    if "declared" not in table:
        raise InputError(f"{path} declares nothing: write answers under the heading [declared]")
    return declared_in(path, table["declared"])


def declared_in(path: Path, table: object) -> tuple[Declared, ...]:
    """Take the answers out of a table `[declared]`: `by`, `when`, and a text or table per item.

    Raises:
        InputError: it is no table, or an answer in it is not a text.
    """
    if not isinstance(table, dict):
        raise InputError(f"{path}: write answers under the heading [declared]")
    common = {key: str(table[key]) for key in ("by", "when") if key in table}
    items = {key: value for key, value in table.items() if key not in common}
    return tuple(_declared(path, item, value, common) for item, value in items.items())


def merged(*sources: tuple[Declared, ...]) -> tuple[Declared, ...]:
    """Put answers together; of two to the same item the later source's holds."""
    return tuple({answer.item: answer for source in sources for answer in source}.values())


def _declared(path: Path, item: str, value: object, common: dict[str, str]) -> Declared:
    given: dict[str, Any] = {"text": value} if isinstance(value, str) else {}
    if isinstance(value, dict):
        given = value
    text = given.get("text")
    if not isinstance(text, str) or not text.strip() or set(given) - {"text", "by", "when"}:
        raise InputError(
            f"{path}: answer {item} by a text in quotes, or by a table of text, by and when"
        )
    more = {key: str(given[key]) for key in ("by", "when") if key in given}
    return Declared(item, text, **common | more)
