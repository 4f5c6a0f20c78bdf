"""Changes of a text that should not matter, and some that are neutral."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.dialect import DIALECT_EDITS
from roadworthy.artifacts.given_names import NAME_EDITS, NEUTRAL_NAMES, SAME_NAMES
from roadworthy.artifacts.pronouns import PRONOUN_EDITS
from roadworthy.core.streams import Streams
from roadworthy.core.text import to_codes, to_texts

RETYPED = "typed again"
DRAWS = 8  # random numbers for a text


def retyped(text: str, draws: np.ndarray) -> str:
    """Double a space, set or leave out the full stop, or change the case of the first letter."""
    changes = (_spaced, _stopped, _begun)
    return changes[int(draws[0] * len(changes))](text, draws)


def _spaced(text: str, draws: np.ndarray) -> str:
    places = [k for k, letter in enumerate(text) if letter == " "] or [len(text)]
    place = places[int(draws[1] * len(places))]
    return f"{text[:place]} {text[place:]}"


def _stopped(text: str, draws: np.ndarray) -> str:
    return text[:-1] if text.endswith(".") else f"{text}."


def _begun(text: str, draws: np.ndarray) -> str:
    return text[:1].swapcase() + text[1:]


TEXT_EDITS: dict[str, Callable[[str, np.ndarray], str]] = {
    **NAME_EDITS,
    **PRONOUN_EDITS,
    **DIALECT_EDITS,
    SAME_NAMES: NEUTRAL_NAMES,
    RETYPED: retyped,
}


def edited_texts(edit: str, x: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
    """Give texts (N, L) after an edit, as long as they need, and which it changed (N,)."""
    draws = streams.uniform((DRAWS,), torch.float64).numpy()
    before = to_texts(x)
    # text by text: a word's neighbors decide what becomes of it
    after = [TEXT_EDITS[edit](*each) for each in zip(before, draws, strict=True)]
    is_edited = torch.tensor([a != b for a, b in zip(after, before, strict=True)])
    return to_codes(after, x.shape[1]), is_edited
