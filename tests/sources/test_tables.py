import numpy as np
import polars as pl
import pytest

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.sources.datasets import load_dataset
from tests.sources.bad_data import numbers, table, write_csv


def load_frame(folder, columns, **options):
    path = folder / "data.parquet"
    pl.DataFrame(columns).write_parquet(path)
    return load_dataset(path, **{"target": "y", **options})


def test_csv_and_parquet_hold_the_same_dataset(tmp_path):
    text = write_csv(tmp_path, table())
    pl.read_csv(text).write_parquet(tmp_path / "data.parquet")
    packed = load_dataset(tmp_path / "data.parquet", target="y")
    assert load_dataset(text, target="y").fingerprint == packed.fingerprint


def test_rows_are_numbered_as_in_the_file(tmp_path):
    a, b, y = numbers()
    data = load_frame(tmp_path, {"a": a, "b": b, "y": y})
    for split in data.splits:
        np.testing.assert_allclose(split.x[:, 0], a[split.ids], rtol=1e-6)
        assert split.y.tolist() == y[split.ids].tolist()


def test_missing_numbers_become_the_median_of_the_training_rows_alone(tmp_path):
    part = ["train"] * 5 + ["test"] * 3
    a = [1.0, 2.0, 3.0, None, 10.0, 100.0, None, 300.0]
    data = load_frame(tmp_path, {"a": a, "y": [0, 1] * 4, "part": part}, split="part")
    assert data.train.x[3, 0] == 2.5
    assert data.test.x[1, 0] == 2.5
    assert data.features[0].missing == 2


def test_ranges_are_those_of_the_training_rows(tmp_path):
    part = ["train"] * 4 + ["test"] * 4
    a = [1.0, 2.0, 3.0, 4.0, -9.0, 0.0, 0.0, 99.0]
    data = load_frame(tmp_path, {"a": a, "y": [0, 1] * 4, "part": part}, split="part")
    feature = data.features[0]
    assert (feature.low, feature.high) == (1, 4)
    assert feature.scale == pytest.approx(np.std([1, 2, 3, 4]))


def test_a_constant_column_has_scale_one(tmp_path):
    a, _, y = numbers()
    data = load_frame(tmp_path, {"a": a, "b": np.full(40, 0.1), "y": y})
    assert data.features[1].scale == 1


def test_text_becomes_codes_of_sorted_categories(tmp_path):
    city = ["Rome", "Bonn", None, "Rome"] * 10
    data = load_frame(tmp_path, {"city": city, "y": [0, 1, 0, 1] * 10})
    feature = data.features[0]
    assert (feature.kind, feature.missing) == ("category", 10)
    assert feature.categories == ("Bonn", "Rome", "missing")
    shown = [feature.categories[int(code)] for code in data.train.x[:, 0]]
    assert shown == [city[row] or "missing" for row in data.train.ids]


def test_columns_of_no_use_are_left_out_and_named(tmp_path):
    a, _, y = numbers()
    columns = {
        "a": a,
        "id": np.arange(40) * 7 + 3,
        "name": [f"person {k}" for k in range(40)],
        "day": [f"2020-01-{k % 28 + 1:02}" for k in range(40)],
        "empty": pl.Series([None] * 40, dtype=pl.Float64),
        "tags": [["x"]] * 40,
        "y": y,
    }
    data = load_frame(tmp_path, columns)
    assert [feature.name for feature in data.features] == ["a"]
    notes = " ".join(data.notes)
    for name in ("id", "name", "day", "empty", "tags"):
        assert f"'{name}'" in notes


def test_sensitive_columns_stay_features_and_the_other_roles_do_not(tmp_path):
    a, _, y = numbers()
    columns = {
        "a": a,
        "sex": ["f", "m"] * 20,
        "age": np.arange(40.0) + 0.5,
        "patient": np.arange(40) // 4,
        "hospital": ["north", "south"] * 20,
        "year": np.arange(40) + 1980,
        "y": y,
    }
    data = load_frame(tmp_path, columns, sensitive=("sex", "age"), group="patient",
                      environment="hospital", time="year")  # fmt: skip
    assert [feature.name for feature in data.features] == ["a", "sex", "age"]
    kinds = {name: values.dtype.kind for name, values in data.train.columns.items()}
    assert kinds == {"sex": "U", "age": "f", "patient": "U", "hospital": "U", "year": "f"}
    for split in data.splits:
        assert split.columns["patient"].tolist() == [str(row // 4) for row in split.ids.tolist()]


def test_a_missing_group_is_empty_and_counted(tmp_path):
    a, _, y = numbers()
    patient = [None if k < 3 else k // 4 for k in range(40)]
    data = load_frame(tmp_path, {"a": a, "patient": patient, "y": y}, group="patient")
    values = np.concatenate([split.columns["patient"] for split in data.splits])
    assert (values == "").sum() == 3
    assert "Column 'patient' has 3 missing values; they count as a value of their own." in (
        data.notes
    )


def test_rows_without_a_target_are_a_split_of_their_own_and_keep_their_numbers(tmp_path):
    a, _, y = numbers()
    labels = [None if k in (3, 7) else int(y[k]) for k in range(40)]
    data = load_frame(tmp_path, {"a": a, "y": labels})
    assert data.unlabelled.ids.tolist() == [3, 7]
    assert data.unlabelled.y.tolist() == [-1, -1]
    assert len(data.train) + len(data.test) == 38
    assert "2 rows have no target: they are the unlabelled split." in data.notes


def test_rows_to_test_on_without_a_target_are_left_out(tmp_path):
    a, _, y = numbers()
    labels = [None if k in (3, 37) else int(y[k]) for k in range(40)]
    home = ["train" if k < 30 else "test" for k in range(40)]
    data = load_frame(tmp_path, {"a": a, "home": home, "y": labels}, split="home")
    assert data.test.ids.tolist() == [30, 31, 32, 33, 34, 35, 36, 38, 39]
    assert data.unlabelled.ids.tolist() == [3]
    assert "1 rows to test on without a target were left out." in data.notes


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (np.linspace(0, 1, 40), Task.REGRESSION, ()),
        ((np.arange(40) % 3).astype(float), Task.NOMINAL, ("0", "1", "2")),
        (np.array([2, 5, 9, 2] * 10), Task.NOMINAL, ("2", "5", "9")),
        (np.array([True, False] * 20), Task.NOMINAL, ("false", "true")),
        (np.array(["10", "9"] * 20), Task.NOMINAL, ("10", "9")),
        (np.array([10, 9] * 20), Task.NOMINAL, ("9", "10")),
    ],
)
def test_the_target_tells_the_task(tmp_path, values, task, classes):
    data = load_frame(tmp_path, {"a": numbers()[0], "y": values})
    assert (data.task, data.classes) == (task, classes)
    if classes:
        for split in data.splits:
            named = [classes[k] for k in split.y]
            assert named == [str(v).lower() for v in _plain(values)[split.ids]]


def _plain(values):
    return values.astype(int) if values.dtype.kind == "f" else values


def test_the_task_can_be_said(tmp_path):
    columns = {"a": numbers()[0], "y": np.arange(40) % 5}
    assert load_frame(tmp_path, columns, task="regression").train.y.is_floating_point()
    assert load_frame(tmp_path, columns, ordinal=True).task == Task.ORDINAL
    with pytest.raises(InputError, match="the task must be one of"):
        load_frame(tmp_path, columns, task="ranking")


def test_a_label_offset_keeps_gaps(tmp_path):
    data = load_frame(tmp_path, {"a": numbers()[0], "y": [1, 2, 4, 1] * 10}, label_offset=1)
    assert data.classes == ("1", "2", "3", "4")
    assert set(data.train.y.tolist()) == {0, 1, 3}


def test_a_test_file_of_new_categories_shares_the_codes(tmp_path):
    train = write_csv(tmp_path, "city,y\n" + "Bonn,0\nRome,1\n" * 4)
    test = write_csv(tmp_path, "city,y\n" + "Kyiv,0\nRome,1\n" * 4, "test.csv")
    data = load_dataset(train, target="y", test=test)
    assert data.features[0].categories == ("Bonn", "Kyiv", "Rome")
    assert data.test.x[:2, 0].tolist() == [1, 2]
    assert data.test.ids.tolist() == list(range(8))


def test_a_column_called_split_splits(tmp_path):
    a, _, y = numbers()
    data = load_frame(tmp_path, {"a": a, "y": y, "split": ["train"] * 30 + ["test"] * 10})
    assert data.test.ids.tolist() == list(range(30, 40))
    assert "column 'split'" in data.origin


def test_an_obvious_target_is_taken_and_noted(tmp_path):
    data = load_dataset(write_csv(tmp_path, table(header="a,b,Label")))
    assert "Column 'Label' was taken as the target." in data.notes


def test_quoted_fields_may_hold_separators_and_line_ends(tmp_path):
    rows = "".join(f'{k}.5,"north, {k % 2}\nhouse",{k % 2}\n' for k in range(20))
    data = load_dataset(write_csv(tmp_path, "a,b,y\n" + rows), target="y")
    assert data.features[1].categories == ("north, 0\nhouse", "north, 1\nhouse")


def test_a_huge_number_is_not_taken_for_infinite_silently(tmp_path):
    with pytest.raises(InputError, match="column 'a' has 1 infinite values"):
        load_dataset(write_csv(tmp_path, table() + "1e39,0,1\n"), target="y")
