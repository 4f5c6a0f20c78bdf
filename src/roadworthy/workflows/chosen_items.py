import ast
import dataclasses
from collections.abc import Sequence
from typing import Any

from roadworthy.core.errors import InputError
from roadworthy.core.registry import Registry


def choose_items(
    registry: Registry[Any], names: Sequence[str], settings: Sequence[str]
) -> tuple[Any, ...]:
    """Make items of names and of `name.field=value` settings.

    Args:
        registry: where they are.
        names: or aliases, in the order to make them.
        settings: of those named; with one name `field=value` is enough.

    Raises:
        InputError: there is no such item or field, or the value does not fit.
    """
    kinds = [registry.get(name) for name in names]
    if not kinds:
        one = registry.kind.removesuffix("s")
        raise InputError(f"name at least one {one} (roadworthy list {registry.kind})")
    chosen: dict[str, dict[str, Any]] = {kind.card.name: {} for kind in kinds}
    for setting in settings:
        key, found, text = setting.partition("=")
        name, dot, field = key.strip().rpartition(".")
        owner = registry.get(name) if dot else kinds[0]
        if not found or owner.card.name not in chosen or (not dot and len(kinds) > 1):
            raise InputError(f"--set takes name.field=value of one that is named, not {setting!r}")
        chosen[owner.card.name][field] = _value(owner, field, text.strip())
    return tuple(kind(**chosen[kind.card.name]) for kind in kinds)


def _value(owner: Any, field: str, text: str) -> Any:
    parts = {part.name: part for part in dataclasses.fields(owner)}
    if field not in parts:
        known = ", ".join(parts) or "none"
        raise InputError(f"{owner.card.name} has no field {field!r}; its fields: {known}")
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        value = text
    default = parts[field].default
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    is_known = default is not dataclasses.MISSING and default is not None
    if is_known and type(value) is not type(default):
        kind = type(default).__name__
        raise InputError(f"{owner.card.name}.{field} is a {kind}, such as {default!r}: not {text}")
    return value
