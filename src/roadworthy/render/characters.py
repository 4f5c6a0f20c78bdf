import dataclasses
import re
from enum import Enum
from typing import Any, TypeVar

Result = TypeVar("Result")  # a report, or a part of one

# what XML 1.0 forbids, what moves a terminal's cursor, and what turns the direction of writing
# so that a line reads differently from what it says; tab and newline stay
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_SPACE = re.compile(r"\s+")


def visible(text: str) -> str:
    """Replace every character that no page may hold by the sign for an unknown one."""
    return _UNSEEN.sub("\ufffd", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Put a text on one line."""
    return _SPACE.sub(" ", text).strip()


def presentable(result: Result) -> Result:
    """Give a report with every text in it visible: names come from other people's files."""
    shown: Result = _presentable(result)
    return shown


def _presentable(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return visible(value)
    if isinstance(value, tuple):
        return tuple(_presentable(part) for part in value)
    if isinstance(value, dict):
        return {_presentable(key): _presentable(part) for key, part in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return dataclasses.replace(
            value, **{part.name: _presentable(getattr(value, part.name)) for part in fields}
        )
    return value
