import numpy as np
import pytest

from roadworthy.core.errors import InputError
from roadworthy.sources.splits import (
    divide_as_named,
    divide_at_random,
    divide_by_group,
    divide_by_time,
)
from roadworthy.sources.without import leave_out


def test_each_class_gives_thirty_percent_to_the_test():
    strata = np.repeat([0, 1, 2], [100, 50, 10])
    test = divide_at_random(strata, 0).parts["test"]
    assert np.bincount(strata[test]).tolist() == [30, 15, 3]


def test_a_class_of_one_row_stays_in_training():
    strata = np.array([0] * 20 + [1])
    assert 20 in divide_at_random(strata, 0).parts["train"]


def test_the_origin_of_a_random_split_is_said():
    assert divide_at_random(np.zeros(10), 7).origin == (
        "No split was given: 70 % train and 30 % test were drawn at random (seed 7)."
    )


def test_names_and_their_synonyms_are_known_in_any_case():
    parts = divide_as_named(np.array(["Training", "dev", "HOLDOUT", "train"]), "").parts
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": [0, 3],
        "val": [1],
        "test": [2],
    }


def test_validation_serves_as_test_where_there_is_none():
    division = divide_as_named(np.array(["train", "val", "train"]), "")
    assert division.parts["test"].tolist() == [1]
    assert "validation split serves" in division.notes[0]


def test_unknown_split_names_are_listed():
    with pytest.raises(InputError, match="'0', '1'"):
        divide_as_named(np.array(["0", "1", "0"]), "")


def test_groups_are_drawn_class_by_class():
    groups = np.array([f"g{k // 5}" for k in range(200)])
    strata = (np.arange(200) // 100).astype(int)
    test = divide_by_group(groups, strata, 0).parts["test"]
    assert np.bincount(strata[test]).tolist() == [30, 30]


def test_rows_without_a_group_stand_for_themselves():
    groups = np.array([""] * 20)
    assert len(divide_by_group(groups, np.zeros(20, int), 0).parts["test"]) == 6


def test_two_groups_give_one_to_each_split():
    parts = divide_by_group(np.array(["a"] * 90 + ["b"] * 10), np.zeros(100, int), 0).parts
    assert {len(rows) for rows in parts.values()} == {90, 10}


def test_one_group_cannot_be_split():
    with pytest.raises(InputError, match="at least two groups"):
        divide_by_group(np.array(["a"] * 9), np.zeros(9, int), 0)


def test_the_latest_rows_are_for_testing():
    times = np.array(["2021-01-02", "2020-05-01", "2022-03-01", "2019-01-01", "2018-01-01"])
    parts = divide_by_time(times).parts
    assert parts["test"].tolist() == [2]


def test_rows_of_one_time_stay_together():
    parts = divide_by_time(np.array([1.0, 1, 1, 2, 2, 2, 2, 2, 2, 2])).parts
    assert parts["train"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("times", [np.array([1.0, np.nan, 2]), np.array(["2020", "", "2021"])])
def test_a_missing_time_is_an_error(times):
    with pytest.raises(InputError, match="1 rows have no time"):
        divide_by_time(times)


def test_rows_are_left_out_by_split_and_number(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("split,row\ntrain,11\ntest,10\ntrain,11\n")
    parts = {"train": np.array([0, 1]), "test": np.array([2, 3])}
    kept, note = leave_out(parts, np.array([10, 11, 10, 11]), file)
    assert {name: rows.tolist() for name, rows in kept.items()} == {"train": [0], "test": [3]}
    assert note == "Rows left out as rows.csv says: 1 of train, 1 of test."


@pytest.mark.parametrize("line", ["val,3", "train,99", "train,first", "train"])
def test_rows_that_do_not_exist_cannot_be_left_out(tmp_path, line):
    file = tmp_path / "rows.csv"
    file.write_text(f"split,row\n{line}\n")
    parts = {"train": np.array([0, 1]), "test": np.array([2, 3])}
    with pytest.raises(InputError, match=r"rows\.csv"):
        leave_out(parts, np.arange(4), file)
