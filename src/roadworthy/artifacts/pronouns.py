"""He, she and they in each other's place, in their grammatical case."""

import re

import numpy as np

from roadworthy.core.text import written_like

# a word after `her` or `his` that is none of these is owned: `her car`, but `saw her again`
NOT_OWNED = re.compile(
    r"\s+(?:a|about|after|again|all|also|an|and|are|as|at|back|because|before|but|by|can|could"
    r"|did|do|does|down|every|for|from|had|has|have|he|her|here|him|how|i|if|in|into|is|it"
    r"|me|my|not|now|of|off|on|or|our|out|over|she|should|so|that|the|their|them|then"
    r"|there|these|they|this|those|to|today|together|tomorrow|tonight|too|up|us|very|was"
    r"|we|were|what|when|where|while|who|why|will|with|would|yesterday|yet|you|your)\b",
    re.IGNORECASE,
)
WORD = re.compile(r"\s+[^\W\d_]")
GENDERED = re.compile(r"\b(he|she|him|hers|herself|himself|her|his)\b", re.IGNORECASE)
SUBJECT = re.compile(
    r"\b(?P<subject>s?he)\b(?:(?P<short>['’]s)\b"
    r"|(?P<gap>\s+)(?P<verb>is|was|has|does)(?P<negated>n['’]t)?\b)?",
    re.IGNORECASE,
)
PERFECT = re.compile(r"\s+(?:been|got|had)\b", re.IGNORECASE)  # of he's: has, not is
PLURAL_VERB = {"is": "are", "was": "were", "has": "have", "does": "do"}

SWAPPED = {"he": "she", "she": "he", "him": "her", "hers": "his", "himself": "herself"}
SWAPPED |= {"herself": "himself"}
THEY = {"him": "them", "hers": "theirs", "himself": "themselves", "herself": "themselves"}


def he_and_she_exchanged(text: str, draws: np.ndarray) -> str:
    """Write he for she and she for he, in all their forms.

    `Her` is `his` before a word that can be owned, and `him` elsewhere; `his` is `her` or `hers` by
    the same rule, which knows no grammar: `gave her flowers` is taken for flowers of hers.
    """
    return GENDERED.sub(_swapped, text)


def they_for_he_and_she(text: str, draws: np.ndarray) -> str:
    """Write they for he and she; of verbs, the forms of be, have and do follow."""
    return GENDERED.sub(_neutral, SUBJECT.sub(_they, text))


def _swapped(match: re.Match[str]) -> str:
    word = match[1].lower()
    if word == "her":
        return written_like("his" if _is_owner(match) else "him", match[1])
    if word == "his":
        return written_like("her" if _is_owner(match) else "hers", match[1])
    return written_like(SWAPPED[word], match[1])


def _neutral(match: re.Match[str]) -> str:
    word = match[1].lower()
    if word in ("her", "his"):
        other = "them" if word == "her" else "theirs"
        return written_like("their" if _is_owner(match) else other, match[1])
    return written_like(THEY[word], match[1])


def _is_owner(match: re.Match[str]) -> bool:
    """Say whether the pronoun stands before a word that can be owned."""
    text, end = match.string, match.end()
    return bool(WORD.match(text, end)) and not NOT_OWNED.match(text, end)


def _they(match: re.Match[str]) -> str:
    written = written_like("they", match["subject"])
    if match["short"]:
        is_perfect = PERFECT.match(match.string, match.end())
        return written + ("'ve" if is_perfect else "'re")
    if match["verb"]:
        verb = written_like(PLURAL_VERB[match["verb"].lower()], match["verb"])
        return written + match["gap"] + verb + (match["negated"] or "")
    return written


PRONOUN_EDITS = {
    "he and she exchanged": he_and_she_exchanged,
    "they for he and she": they_for_he_and_she,
}
