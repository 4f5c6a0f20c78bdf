"""Labels of training rows can be corrected; no row moves, and no test row is touched."""

import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.sources import load_dataset


@pytest.fixture
def load(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["x,y", *(f"{k / 40},{'ab'[k % 2]}" for k in range(40))]) + "\n")

    def load(*lines):
        file = tmp_path / "fixed.csv"
        file.write_text("\n".join(["row,label", *lines]) + "\n")
        return load_dataset(table, target="y", corrections=file)

    return load


def test_corrected_rows_stay_where_they_are_and_have_the_new_label(load):
    before = load()
    first, second, third = before.train.ids[:3].tolist()
    other = "ba"[int(before.train.y[0])]
    after = load(f"{first},{other}", f"{second},{before.classes[before.train.y[1]]}", f"{third},")
    assert after.train.ids.tolist() == before.train.ids.tolist()
    assert (after.train.y != before.train.y).nonzero().tolist() == [[0]]
    assert torch.equal(after.test.y, before.test.y)
    note = "1 training rows have the targets that fixed.csv gives instead of their own."
    assert note in after.notes


def test_what_is_no_correction_is_refused(load):
    data = load()
    test, train = int(data.test.ids[0]), int(data.train.ids[0])
    for line, said in (
        (f"{test},a", f"row {test} is no training row"),
        ("99,a", "row 99 is no training row"),
        (f"{train},c", "'c' is none of the classes a, b"),
        ("three,a", "each line must be a row number and a label"),
    ):
        with pytest.raises(InputError, match=said):
            load(line)


def test_numbers_are_corrected_by_numbers(tmp_path):
    file, fixed = tmp_path / "n.csv", tmp_path / "fixed.csv"
    file.write_text("\n".join(["x,y", *(f"{k % 7}.5,{k * 1.5}" for k in range(60))]))
    row = int(load_dataset(file, target="y").train.ids[4])
    fixed.write_text(f"row,label\n{row},7.25\n")
    assert load_dataset(file, target="y", corrections=fixed).train.y[4] == 7.25
    fixed.write_text(f"row,label\n{row},many\n")
    with pytest.raises(InputError, match="'many' is none"):
        load_dataset(file, target="y", corrections=fixed)
