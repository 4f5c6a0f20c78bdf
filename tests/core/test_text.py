import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.text import to_codes, to_texts

# what no text ends in
characters = st.characters(exclude_characters="\x00", exclude_categories=("Cs",))


@settings(deadline=None)
@given(st.lists(st.text(characters), min_size=1))
def test_texts_come_back_as_they_were(texts):
    assert to_texts(to_codes(texts)) == texts


def test_a_text_is_its_code_points_and_zeros_behind():
    codes = to_codes(["añ😀", ""])
    assert codes.dtype == torch.int64
    assert codes.tolist() == [[0x61, 0xF1, 0x1F600], [0, 0, 0]]


def test_texts_can_be_given_more_room():
    assert to_codes(["ab"], length=4).tolist() == [[97, 98, 0, 0]]


def test_whole_numbers_without_columns_are_text():
    codes, y = to_codes(["yes", "no"]), torch.tensor([0, 1])
    ids = torch.arange(2)
    splits = (Split("train", codes, y, ids), Split("test", codes, y, ids))
    data = Dataset("answers", Task.NOMINAL, ("a", "b"), splits)
    assert data.kind == "text"
    assert data.input_shape == ()
    with pytest.raises(InputError, match="no bounds"):
        data.bounds  # noqa: B018
