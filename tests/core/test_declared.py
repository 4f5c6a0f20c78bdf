import pytest

from roadworthy.core.declared import Declared, merged, read_declared
from roadworthy.core.errors import InputError


def read(folder, text):
    path = folder / "answers.toml"
    path.write_text(text, encoding="utf-8")
    return read_declared(path)


def test_an_answer_takes_who_and_when_from_the_table_unless_it_says_so_itself(tmp_path):
    given = read(
        tmp_path,
        """
        gate = "warn"
        [declared]
        by = "A. Nurse"
        when = 2026-11-20
        "CLAIM:8" = "All adults."
        "CLAIM:11" = { text = "By hand.", by = "B. Clerk" }
        """,
    )
    assert given == (
        Declared("CLAIM:8", "All adults.", "A. Nurse", "2026-11-20"),
        Declared("CLAIM:11", "By hand.", "B. Clerk", "2026-11-20"),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[declared", "cannot read the declaration"),
        ("gate = 'warn'", "declares nothing"),
        ("declared = 3", "under the heading"),
        ("[declared]\n'CLAIM:8' = 3", "answer CLAIM:8 by a text"),
        ("[declared]\n'CLAIM:8' = ' '", "answer CLAIM:8 by a text"),
        ("[declared]\n'CLAIM:8' = {by = 'me'}", "answer CLAIM:8 by a text"),
        ("[declared]\n'CLAIM:8' = {text = 'x', who = 'me'}", "answer CLAIM:8 by a text"),
        ("[declared]\nCLAIM.8 = 'x'", "answer CLAIM by a text"),
    ],
)
def test_what_is_no_answer_is_refused(text, says, tmp_path):
    with pytest.raises(InputError, match=says):
        read(tmp_path, text)


def test_a_missing_file_is_answered_by_a_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot read the declaration"):
        read_declared(tmp_path / "none.toml")


def test_of_two_answers_to_an_item_the_later_holds():
    first, second = Declared("CLAIM:8", "a"), Declared("CLAIM:8", "b")
    assert merged((first, Declared("CLAIM:9", "c")), (second,)) == (
        second,
        Declared("CLAIM:9", "c"),
    )
