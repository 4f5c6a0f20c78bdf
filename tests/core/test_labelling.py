import pytest

from roadworthy.core.errors import InputError
from roadworthy.core.labelling import Item, Sheet


def test_answers_are_saved_at_once_and_survive(tmp_path):
    file = tmp_path / "labels.csv"
    sheet = Sheet(file)
    sheet.ask([Item(3, "cat"), Item(9, "dog")])
    sheet.answer(9, "cat, or so")
    assert file.read_text() == 'row,label,guess\n3,,cat\n9,"cat, or so",dog\n'
    again = Sheet(file)
    assert again.labels == {9: "cat, or so"}
    again.ask([Item(9, "bird"), Item(12, "bird")])
    assert file.read_text().splitlines()[2:] == ['9,"cat, or so",dog', "12,,bird"]
    again.answer(9, "")
    assert Sheet(file).labels == {}


def test_rows_that_nobody_asked_for_are_refused(tmp_path):
    sheet = Sheet(tmp_path / "labels.csv")
    with pytest.raises(InputError, match="row 4 was not asked for"):
        sheet.answer(4, "cat")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "row,label\nx,cat\n"])
def test_a_file_of_something_else_is_left_alone(text, tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text(text)
    with pytest.raises(InputError, match="cannot be gone on with"):
        Sheet(file)
    assert file.read_text() == text
