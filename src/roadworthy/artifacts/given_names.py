"""Given names by the gender and origin that readers take them for, and their exchange."""

import re
from collections.abc import Callable

import numpy as np

from roadworthy.core.text import written_like

EUROPEAN, AFRICAN = "European-American", "African-American"
Group = tuple[str, str]  # perceived gender and origin

# names that are also words, such as Ebony or Bill, are left out
NAMES: dict[Group, tuple[str, ...]] = {
    ("female", EUROPEAN): (
        *("Allison", "Amanda", "Anne", "Carrie", "Colleen", "Donna", "Ellen", "Emily", "Heather"),
        *("Katie", "Kristen", "Lauren", "Laurie", "Megan", "Melanie", "Meredith", "Nancy"),
        *("Rachel", "Sarah", "Stephanie", "Wendy"),
    ),
    ("female", AFRICAN): (
        *("Aisha", "Keisha", "Lakisha", "Lashandra", "Latisha", "Latonya", "Latoya", "Malika"),
        *("Shaniqua", "Tamika", "Tanisha", "Tawanda", "Yolanda", "Yvette"),
    ),
    ("male", EUROPEAN): (
        *("Adam", "Alan", "Andrew", "Brad", "Brandon", "Brendan", "Brett", "Geoffrey", "Greg"),
        *("Ian", "Justin", "Matthew", "Neil", "Paul", "Peter", "Roger", "Ryan", "Stephen", "Todd"),
    ),
    ("male", AFRICAN): (
        *("Alonzo", "Darnell", "Deion", "Hakim", "Jamal", "Jermaine", "Jerome", "Kareem", "Lamar"),
        *("Lamont", "Leroy", "Malik", "Rasheed", "Terrence", "Tremayne", "Tyree", "Tyrone"),
    ),
}
GROUP_OF = {name: group for group, names in NAMES.items() for name in names}
NAME = re.compile(
    rf"\b(?:{'|'.join(name for each in GROUP_OF for name in (each, each.upper()))})\b"
)
OTHER = {"female": "male", "male": "female", EUROPEAN: AFRICAN, AFRICAN: EUROPEAN}


def with_names_of(target: Callable[[Group], Group]) -> Callable[[str, np.ndarray], str]:
    """Make the edit that exchanges the given names in a text.

    Each name becomes a random one of another group, or another one of its own; the same name in a
    text always becomes the same. Found are names of the lists only, written with a capital.
    Source: names of Bertrand and Mullainathan 2004, doi:10.1257/0002828042002561 (table 8), and of
    Greenwald et al. 1998, doi:10.1037/0022-3514.74.6.1464, as Caliskan et al. 2017,
    arXiv:1608.07187, use them.

    Args:
        target: says of which group a name of a group becomes.
    """

    def edit(text: str, draws: np.ndarray) -> str:
        chosen: dict[str, str] = {}

        def another(match: re.Match[str]) -> str:
            name = match[0].capitalize()
            if name not in chosen:
                taken = {name, *chosen.values()}
                pool = [each for each in NAMES[target(GROUP_OF[name])] if each not in taken]
                # no text has more of these names than a list: else some become the same
                pool = pool or list(NAMES[target(GROUP_OF[name])])
                chosen[name] = pool[int(draws[len(chosen) % len(draws)] * len(pool))]
            return written_like(chosen[name], match[0])

        return NAME.sub(another, text)

    return edit


NAME_EDITS = {
    "names of the other gender": with_names_of(lambda group: (OTHER[group[0]], group[1])),
    "names of another origin": with_names_of(lambda group: (group[0], OTHER[group[1]])),
}
SAME_NAMES = "other names of the same gender and origin"
NEUTRAL_NAMES = with_names_of(lambda group: group)
