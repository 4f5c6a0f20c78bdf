"""Text that went through a wrong encoding, and words that differ in spelling only."""

import html
import re
import unicodedata
from collections.abc import Iterable

_ENTITY = re.compile(r"&(#\d+|#[xX][0-9a-fA-F]+|[A-Za-z]+\d*);")
# bytes of one character in UTF-8, by the Unicode standard's table 3-7
_UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_JOINERS = "\u200c\u200d"  # letters of Persian and Hindi, and emoji, are written with them
_ODD_SPACES = "\u00a0\u2007\u202f\u2028\u2029\u3000"


def flaws(text: str) -> tuple[str, ...]:
    """Say what is wrong with the characters of a text; nothing where all is well."""
    found = {
        "read in a wrong encoding": without_mojibake(text) != text,
        "characters lost in reading": "\ufffd" in text,
        "HTML entities": _ENTITY.search(text) is not None and html.unescape(text) != text,
        "invisible characters": any(map(_is_invisible, text)),
    }
    return tuple(name for name, is_there in found.items() if is_there)


def without_flaws(text: str) -> str:
    """Give what the text was probably meant to be; lost characters stay lost."""
    text = html.unescape(without_mojibake(text))
    return "".join(" " if c in _ODD_SPACES else c for c in text if not _is_removed(c))


def without_mojibake(text: str) -> str:
    """Undo the reading of UTF-8 as Windows-1252, as often as it was done (`Ã¤` was `ä`).

    Each character is one byte of Windows-1252, or of Latin-1 where that has none; runs of them
    that are UTF-8 are read as such. A single run of two characters counts only where it begins with
    `Â` or `Ã`, as those of Western letters do: others, such as `É”`, are found in proper text.
    """
    for _ in range(3):
        raw = bytes(map(_byte, text))
        runs = list(_UTF_8.finditer(raw))
        if len(runs) == 1 and len(runs[0][0]) == 2 and runs[0][0][0] not in b"\xc2\xc3":
            return text
        repaired, end = "", 0
        for run in runs:
            repaired += text[end : run.start()] + _decoded(run[0], text[run.start() : run.end()])
            end = run.end()
        repaired += text[end:]
        if repaired == text:
            return text
        text = repaired
    return text


def _byte(character: str) -> int:
    try:
        return character.encode("cp1252")[0]
    except UnicodeEncodeError:
        return ord(character) if ord(character) < 256 else 0


def _decoded(run: bytes, as_it_is: str) -> str:
    try:
        return run.decode("utf-8")
    except UnicodeDecodeError:  # overlong or a surrogate: not UTF-8 after all
        return as_it_is


def _is_invisible(character: str) -> bool:
    return character in _ODD_SPACES or _is_removed(character)


def _is_removed(character: str) -> bool:
    """Say whether a character is a control or format character, or undefined."""
    return character not in _JOINERS and unicodedata.category(character) in ("Cc", "Cf", "Cn")


def spelled_alike(texts: Iterable[str]) -> list[list[str]]:
    """Group texts that differ only in case, spaces, hyphens, a final period or in Unicode form."""
    groups: dict[str, list[str]] = {}
    for text in texts:
        groups.setdefault(_folded(text), []).append(text)
    return [group for group in groups.values() if len(group) > 1]


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", without_flaws(text)).casefold()
    text = re.sub(r"(?<=\w)[-_](?=\w)", " ", text.replace("\u2010", "-").replace("_", "-"))
    return " ".join(text.split()).rstrip(".") or text
