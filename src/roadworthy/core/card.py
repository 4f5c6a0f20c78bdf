from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Card:
    """What an item says of itself; tables, `list` and `show` come from it.

    Args:
        name: the field's name, lower case with dashes.
        title: at most six words.
        aliases: other names it is found under, in any case.
        paper: `arxiv:…`, `doi:…` or `openreview:…` of its source.
        fixes: codes of the checks that this item remedies.
        cost: order of magnitude on a small subject.
        safety: what applying it does to the model's predictions.
    """

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    paper: str = ""
    fixes: tuple[str, ...] = ()
    cost: Literal["seconds", "minutes", "hours"] = "seconds"
    safety: Literal["safe", "retrains", "changes predictions"] = "safe"
