"""Texts from a report, written so that Markdown shows them as they are."""

import re

from roadworthy.render.characters import one_line

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "://": "&#58;//", "www.": "www&#46;"}
_SPECIAL = re.compile(r"[\\`*_\[\]|~$]")
_ENTITY = re.compile("|".join(map(re.escape, _ENTITIES)), re.IGNORECASE)
_BLOCK = re.compile(r"^([#+\-=]|\d+[.)](?=\s|$))")


def plain(text: str) -> str:
    """Write a text without markup, HTML or links, on one line."""
    text = _ENTITY.sub(lambda found: _ENTITIES[found.group().lower()], one_line(text))
    return _BLOCK.sub(_escaped_start, _SPECIAL.sub(r"\\\g<0>", text))


def digits(fingerprint: str) -> str:
    """Write a fingerprint, which stands between backquotes, without anything that ends them."""
    return re.sub(r"\W", "", fingerprint)


def code_block(command: str) -> str:
    """Write a command as a block that it cannot close."""
    longest = max(map(len, re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}console\n{one_line(command)}\n{fence}"


def _escaped_start(found: re.Match[str]) -> str:
    start = found.group()
    return f"{start[:-1]}\\{start[-1]}"
