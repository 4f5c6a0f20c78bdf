"""The same said in the spelling of another place or people."""

import re

import numpy as np

from roadworthy.core.text import written_like

# American and British spelling; those of a line go by the same endings
STEMS = {
    ("", "s", "ed", "ing", "ful", "able", "ite", "ites", "hood", "less"): (
        *(("behavior", "behaviour"), ("color", "colour"), ("favor", "favour")),
        *(("flavor", "flavour"), ("harbor", "harbour"), ("honor", "honour"), ("humor", "humour")),
        *(("labor", "labour"), ("neighbor", "neighbour"), ("rumor", "rumour")),
    ),
    ("e", "es", "ed", "er", "ers", "ing"): (
        *(("analyz", "analys"), ("apologiz", "apologis"), ("criticiz", "criticis")),
        *(("organiz", "organis"), ("realiz", "realis"), ("recogniz", "recognis")),
    ),
    ("ed", "ing"): (("cancel", "cancell"), ("label", "labell"), ("travel", "travell")),
    ("", "s"): (
        *(("catalog", "catalogue"), ("center", "centre"), ("defense", "defence")),
        *(("fiber", "fibre"), ("gray", "grey"), ("jewelry", "jewellery"), ("liter", "litre")),
        *(("math", "maths"), ("mom", "mum"), ("offense", "offence"), ("pajama", "pyjama")),
        *(("theater", "theatre"),),
    ),
}
PAIRS = [
    (american + end, british + end)
    for ends, pairs in STEMS.items()
    for american, british in pairs
    for end in ends
]
SPELLED = {one: other for pair in PAIRS for one, other in (pair, pair[::-1])}
SPELLING = re.compile(rf"\b(?:{'|'.join(sorted(SPELLED, key=len, reverse=True))})\b", re.IGNORECASE)

# words of African-American English as they are written on Twitter, the longest first
WRITTEN = {
    **{"i do not": "iont", "i don't": "iont", "i don’t": "iont", "talking about": "talmbout"},
    **{"trying to": "tryna", "something": "sumn", "am not": "ain't", "is not": "ain't"},
    **{"are not": "ain't", "isn't": "ain't", "aren't": "ain't", "isn’t": "ain't"},
    **{"aren’t": "ain't", "that": "dat", "this": "dis", "they": "dey", "them": "dem"},
    **{"the": "da", "there": "dere", "with": "wit", "where": "wea", "sure": "sholl"},
}
# nouns, whose last sound stays
KEPT = "any|every|no|some"
ENDING = rf"(?!(?:(?:{KEPT})?thing|(?:off)?spring|morning|evening|ceiling)\b)[a-z]{{3,}}ing"
DIALECT = re.compile(
    rf"\b(?:{'|'.join(sorted(WRITTEN, key=len, reverse=True))}|{ENDING})\b", re.IGNORECASE
)


def spelling_exchanged(text: str, draws: np.ndarray) -> str:
    """Spell American words the British way, and British ones the American."""
    return SPELLING.sub(lambda match: written_like(SPELLED[match[0].lower()], match[0]), text)


def in_african_american_english(text: str, draws: np.ndarray) -> str:
    """Spell words as in African-American English, where a text has them.

    Of its features these are the ones that spelling alone can show: `d` for `th`, `-in` for `-ing`,
    `ain't`, and some words of their own. Its grammar is left alone.
    Source: Blodgett, Green, O'Connor 2016, arXiv:1608.08868 (spellings found on Twitter); Green
    2002, doi:10.1017/CBO9780511800306 (the sounds behind them).
    """

    def written(match: re.Match[str]) -> str:
        word = match[0].lower()
        return written_like(WRITTEN.get(word, word[:-1]), match[0])

    return DIALECT.sub(written, text)


DIALECT_EDITS = {
    "British and American spelling exchanged": spelling_exchanged,
    "African-American English spelling": in_african_american_english,
}
