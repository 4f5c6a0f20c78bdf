import numpy as np
import pytest
import torch

from roadworthy.artifacts.dialect import in_african_american_english, spelling_exchanged
from roadworthy.artifacts.given_names import (
    AFRICAN,
    EUROPEAN,
    GROUP_OF,
    NAME_EDITS,
    NAMES,
    SAME_NAMES,
)
from roadworthy.artifacts.pronouns import he_and_she_exchanged, they_for_he_and_she
from roadworthy.artifacts.text_edits import RETYPED, TEXT_EDITS, edited_texts
from roadworthy.core.streams import Streams
from roadworthy.core.text import to_codes, to_texts

DRAWS = np.linspace(0.05, 0.95, 8)
ORIGIN, GENDER = "names of another origin", "names of the other gender"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("He said that she likes her car.", "She said that he likes his car."),
        ("I saw her again, and gave it to her.", "I saw him again, and gave it to him."),
        ("HIS dog is hers; the cat is his.", "HER dog is his; the cat is hers."),
        ("He's proud of himself and she's not.", "She's proud of herself and he's not."),
        (
            "Other heroes, shells and there: the thesis.",
            "Other heroes, shells and there: the thesis.",
        ),
    ],
)
def test_he_and_she_are_exchanged_in_their_case(given, expected):
    assert he_and_she_exchanged(given, DRAWS) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("He is late.", "They are late."),
        ("She wasn't there, was she?", "They weren't there, was they?"),
        ("he's been to her house; she's ill", "they've been to their house; they're ill"),
        ("SHE DOES it herself", "THEY DO it themselves"),
        ("I met him at his place, not hers.", "I met them at their place, not theirs."),
    ],
)
def test_they_stand_for_he_and_she(given, expected):
    assert they_for_he_and_she(given, DRAWS) == expected


@pytest.mark.parametrize(
    ("american", "british"),
    [
        ("My favorite color is gray.", "My favourite colour is grey."),
        ("Organizing the CENTER, mom traveled.", "Organising the CENTRE, mum travelled."),
    ],
)
def test_spelling_goes_both_ways(american, british):
    assert spelling_exchanged(american, DRAWS) == british
    assert spelling_exchanged(british, DRAWS) == american


def test_words_that_only_look_alike_keep_their_spelling():
    text = "Colorado, laboratory, moments, centered, a grayling."
    assert spelling_exchanged(text, DRAWS) == text


def test_african_american_english_is_spelled():
    given = "I don't know something, they aren't talking about that thing. Trying to bring them?"
    expected = "Iont know sumn, dey ain't talmbout dat thing. Tryna brin dem?"
    assert in_african_american_english(given, DRAWS) == expected.replace("brin ", "bring ")


def test_names_keep_gender_or_origin():
    for edit, place in ((ORIGIN, 1), (GENDER, 0)):
        for name, group in GROUP_OF.items():
            (other,) = TEXT_EDITS[edit](name, DRAWS).split()
            changed = GROUP_OF[other]
            assert changed[place] != group[place]
            assert changed[1 - place] == group[1 - place]


def test_a_neutral_name_is_another_of_the_same_group():
    for name, group in GROUP_OF.items():
        other = TEXT_EDITS[SAME_NAMES](name, DRAWS)
        assert other != name
        assert GROUP_OF[other] == group


def test_one_name_of_a_text_stays_one_name_and_two_stay_two():
    text = NAME_EDITS[ORIGIN]("Emily met Jamal; EMILY's friend is Anne. emily?", DRAWS)
    words = text.replace(";", "").replace("'s", "").replace(".", "").split()
    first, met, second, again, *_ = words
    assert again == first.upper()
    assert met == "met"
    assert len({first, second, words[-2]}) == 3
    assert text.endswith("emily?")


def test_names_of_two_groups_are_all_different():
    every = [name for names in NAMES.values() for name in names]
    assert len(every) == len(set(every)) == len(GROUP_OF)
    assert {origin for _, origin in NAMES} == {EUROPEAN, AFRICAN}


def test_retyping_changes_a_space_a_full_stop_or_a_capital_and_no_word():
    texts = ["Two words", "Two words.", "one", "", "- so"]
    for seed in range(20):
        x = to_codes(texts)
        edited, _ = edited_texts(RETYPED, x, Streams.of(seed, torch.arange(len(texts))))
        for before, after in zip(texts, to_texts(edited), strict=True):
            assert after.lower().split() in (
                before.lower().split(),
                [*before.lower().removesuffix(".").split()],
                f"{before.lower()}.".split(),
            )


def test_which_texts_were_edited_is_said():
    x = to_codes(["Emily came", "nobody came"])
    edited, is_edited = edited_texts(ORIGIN, x, Streams.of(0, torch.arange(2)))
    assert is_edited.tolist() == [True, False]
    assert to_texts(edited)[1] == "nobody came"


def test_a_texts_edit_does_not_depend_on_the_others():
    x = to_codes(["Emily came", "Greg and Brad", "Jamal"])
    together, _ = edited_texts(ORIGIN, x, Streams.of(3, torch.arange(3)))
    alone, _ = edited_texts(ORIGIN, x[1:2], Streams.of(3, torch.tensor([1])))
    assert to_texts(alone)[0] == to_texts(together)[1]
