import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.sources.builtin_datasets import DATASETS
from roadworthy.sources.datasets import load_dataset
from roadworthy.sources.in_memory import make_dataset
from tests.sources.bad_data import BAD_DATA, HANDLED_DATA, load, numbers, write_csv

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the shared real data are not there")


@pytest.mark.parametrize("case", dict(BAD_DATA))
def test_bad_data_is_refused_with_a_sentence(case, tmp_path):
    words = dict(BAD_DATA)[case](tmp_path)
    with pytest.raises(InputError) as error:
        load(words)
    sentence = str(error.value)
    assert 20 < len(sentence.replace(str(tmp_path), "")) < 400
    assert "\n" not in sentence


NOTES = {
    "labels-as-text": "'no', 'yes' became classes 0 to 1",
    "labels-from-one": "'1', '2' became classes 0 to 1",
    "labels-with-gaps": "'2', '5', '9' became classes 0 to 2",
    "labels-as-truth-values": "'false', 'true' became",
    "missing-values": "3 missing values were filled by the training median",
    "byte-order-mark": "byte order mark",
    "semicolons": "separated by ';'",
    "single-row-of-a-class": "Classes with a single row: '2'",
    "byte-images": "divided by 255",
    "labels-in-a-column": r"Labels of shape \(N, 1\)",
    "channels-last": "channels last",
}


@pytest.mark.parametrize("case", dict(HANDLED_DATA))
def test_odd_data_is_handled_and_noted(case, tmp_path):
    data = load(dict(HANDLED_DATA)[case](tmp_path))
    assert data.train.x.isfinite().all()
    assert re.search(NOTES.get(case, ""), " ".join(data.notes))


@pytest.mark.parametrize("name", DATASETS.names())
def test_a_built_in_is_split_once_and_for_all(name):
    first, second = load_dataset(name, seed=1), DATASETS.get(name)().load()
    assert first.fingerprint == second.fingerprint
    ids = torch.cat([first.train.ids, first.test.ids])
    assert sorted(ids.tolist()) == list(range(len(ids)))
    assert abs(len(first.test) / len(ids) - 0.3) < 0.01


def test_digits_are_images_in_the_unit_range():
    data = load_dataset("digits")
    assert data.train.x.shape[1:] == (1, 8, 8)
    assert (data.train.x.min(), data.train.x.max()) == (0, 1)


def test_a_built_in_without_classes_is_a_regression():
    data = load_dataset("diabetes", sensitive=("sex",))
    assert (data.task, data.classes) == (Task.REGRESSION, ())
    assert "sex" in [feature.name for feature in data.features]
    assert set(data.test.columns["sex"]) == {"1", "2"}


def test_a_built_in_has_no_other_columns():
    with pytest.raises(InputError, match="digits has no column 'writer' for --group"):
        load_dataset("digits", group="writer")


def test_arrays_tensors_and_tables_give_the_same_dataset():
    a, b, y = numbers()
    arrays = make_dataset(np.stack([a, b], 1), y, features=("a", "b"))
    tensors = make_dataset(torch.tensor(np.stack([a, b], 1)), torch.tensor(y), features=("a", "b"))
    table = make_dataset(pl.DataFrame({"a": a, "b": b}), y)
    named = make_dataset(pl.DataFrame({"a": a, "b": b, "y": y}), "y")
    prints = {data.fingerprint for data in (arrays, tensors, table, named)}
    assert len(prints) == 1


def test_a_pandas_table_gives_the_same_dataset():
    pandas = pytest.importorskip("pandas")
    a, b, y = numbers()
    a[3] = np.nan
    city = [None, "Bonn", "Rome", "Rome"] * 10
    frame = pandas.DataFrame({"a": a, "b": b, "city": city, "y": y})
    ours = pl.DataFrame({"a": a, "b": b, "city": city, "y": y})
    assert make_dataset(frame, "y").fingerprint == make_dataset(ours, "y").fingerprint


def test_columns_follow_the_rows_into_given_splits():
    x = np.random.default_rng(0).random((6, 2))
    patient = np.array(["a", "b", "c", "d", "e", "f"])
    data = make_dataset(
        x[:4], [0, 1, 0, 1], test=(x[4:], [0, 1]), columns={"patient": patient}, group="patient"
    )
    assert data.train.columns["patient"].tolist() == ["a", "b", "c", "d"]
    assert data.test.columns["patient"].tolist() == ["e", "f"]
    assert data.roles.group == "patient"
    assert data.test.ids.tolist() == [0, 1]


def test_columns_of_another_length_are_refused():
    with pytest.raises(InputError, match="'patient' has 3 values for 4 rows"):
        make_dataset(np.zeros((4, 1)), [0, 1, 0, 1], columns={"patient": ["a", "b", "c"]})


def test_extra_columns_of_a_table_are_no_features():
    a, b, y = numbers()
    frame = pl.DataFrame({"a": a, "b": b})
    data = make_dataset(frame, y, columns={"sex": ["f", "m"] * 20}, sensitive=("sex",))
    assert [feature.name for feature in data.features] == ["a", "b"]
    assert set(data.train.columns["sex"]) == {"f", "m"}


def test_rows_left_out_leave_the_others_where_they_were(tmp_path):
    whole = load_dataset("digits")
    gone = whole.train.ids[:3].tolist()
    lines = "".join(f"train,{row}\n" for row in gone)
    rows = write_csv(tmp_path, "split,row\n" + lines, "rows.csv")
    data = load_dataset("digits", without=rows)
    assert data.train.ids.tolist() == whole.train.ids.tolist()[3:]
    assert data.test.ids.tolist() == whole.test.ids.tolist()
    assert "Rows left out as rows.csv says: 3 of train, 0 of test." in data.notes


def test_class_names_give_the_order_of_the_numbers():
    data = make_dataset(np.eye(4), ["low", "high", "low", "high"], classes=("low", "mid", "high"),
                        test=(np.eye(4), ["low", "high", "mid", "mid"]))  # fmt: skip
    assert data.train.y.tolist() == [0, 2, 0, 2]
    assert "classes that no training row has: 'mid'" in " ".join(data.notes)


def test_a_label_beyond_the_class_names_is_refused():
    with pytest.raises(InputError, match="'mid' are not among the classes"):
        make_dataset(np.eye(4), ["low", "high", "mid", "high"], classes=("low", "high"))


@needs_data
def test_adult_comes_in_two_files():
    data = load_dataset(
        DATA / "adult_train.csv.gz",
        target="income",
        test=DATA / "adult_test.csv.gz",
        sensitive=("race", "sex"),
    )
    assert (len(data.train), len(data.test), len(data.features)) == (32561, 16281, 14)
    assert data.classes == ("<=50K", ">50K")
    missing = {feature.name: feature.missing for feature in data.features if feature.missing}
    assert missing == {"workclass": 2799, "occupation": 2809, "native_country": 857}
    race = next(feature for feature in data.features if feature.name == "race")
    shown = [race.categories[int(code)] for code in data.test.x[:50, 8]]
    assert shown == data.test.columns["race"][:50].tolist()


@needs_data
def test_chest_x_rays_split_by_group_share_no_patient():
    data = load_dataset(
        DATA / "chest_xray_covid_nih_96.npz",
        metadata=DATA / "chest_xray_covid_nih_meta.csv.gz",
        target="label",
        group="patient_id",
        environment="source",
        split="by-group",
    )
    assert data.train.x.shape[1:] == (1, 96, 96)
    patients = [set(split.columns["patient_id"]) for split in (data.train, data.test)]
    assert not patients[0] & patients[1]
    assert abs(len(data.test) / 775 - 0.3) < 0.03


@needs_data
@pytest.mark.slow
def test_cifar_images_have_their_channels_first():
    data = load_dataset(DATA / "cifar10_10k.npz")
    with np.load(DATA / "cifar10_10k.npz") as file:
        first, label = file["x_test"][0], file["y_test"][0]
    assert torch.equal(data.test.x[0], torch.tensor(first).permute(2, 0, 1) / 255)
    assert data.classes[data.test.y[0]] == "cat" == data.classes[label]


@needs_data
def test_medical_images_keep_their_validation_split():
    data = load_dataset(DATA / "pneumoniamnist_imbalanced.npz")
    assert {split.name: len(split) for split in data.splits} == {
        "train": 3882,
        "val": 524,
        "test": 624,
    }


@needs_data
def test_messages_alone_offer_no_feature():
    with pytest.raises(InputError, match="no column can serve as a feature"):
        load_dataset(DATA / "sms_spam.csv.gz")


@needs_data
def test_recidivism_splits_by_time():
    data = load_dataset(
        DATA / "compas_two_years.csv.gz",
        target="two_year_recid",
        time="compas_screening_date",
        split="by-time",
    )
    day = "compas_screening_date"
    assert max(data.train.columns[day]) < min(data.test.columns[day])


@needs_data
def test_census_comes_as_parquet():
    data = load_dataset(
        DATA / "folktables_acs_sample_train.parquet",
        target="PINCP",
        test=DATA / "folktables_acs_sample_test.parquet",
        sensitive=("RAC1P",),
    )
    assert (len(data.train), len(data.test), data.classes) == (70000, 15000, ("0", "1"))


@needs_data
def test_grades_keep_the_order_they_are_given():
    data = load_dataset(DATA / "student_por_new.csv.gz", ordinal=("Low", "High"))
    assert (data.task, data.classes) == (Task.ORDINAL, ("Low", "High"))


@needs_data
def test_credit_classes_numbered_from_one_become_classes_from_zero():
    data = load_dataset(DATA / "german_credit.csv.gz", target="credit", label_offset=1)
    assert data.classes == ("1", "2")
    assert set(data.train.y.tolist()) == {0, 1}


def test_the_box_of_a_face_is_metadata_and_has_four_sides():
    x = np.random.default_rng(0).random((30, 8, 8))
    sides = ("left", "top", "right", "bottom")
    columns = {name: np.full(30, k + 0.5) for k, name in enumerate(sides)}
    data = make_dataset(x, np.arange(30) % 2, columns=columns, face=sides)
    assert data.roles.face == sides
    assert data.test.columns["right"].astype(float).tolist() == [2.5] * len(data.test)
    with pytest.raises(InputError, match="four columns"):
        make_dataset(x, np.arange(30) % 2, columns=columns, face=sides[:2])
    with pytest.raises(InputError, match="no column 'eye' for --face"):
        make_dataset(x, np.arange(30) % 2, columns=columns, face=(*sides[:3], "eye"))
