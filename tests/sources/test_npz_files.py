import numpy as np
import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.sources.archives import Archive
from roadworthy.sources.datasets import load_dataset
from tests.sources.bad_data import (
    forged_npy,
    images,
    pickled_objects,
    write_csv,
    write_npz,
    write_zip,
)


def test_the_archive_reads_what_numpy_reads(tmp_path):
    arrays = {
        "bytes": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(4, dtype=">i4"),
        "words": np.array(["cat", "dog"]),
        "one": np.array(3),
        "none": np.zeros((0, 5)),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "all.npz", **arrays)
        archive = Archive(tmp_path / "all.npz")
        assert set(archive) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(archive.read(name), array)


def test_a_pickle_is_named_and_never_loaded(tmp_path):
    path = pickled_objects(tmp_path)[1]
    with pytest.raises(InputError, match="never loads pickles"):
        load_dataset(path)


def test_a_header_that_claims_more_than_there_is_costs_no_memory(tmp_path):
    path = write_zip(tmp_path, {"x": forged_npy("(1000000, 1000000)", bytes(9))})
    with pytest.raises(InputError, match="damaged or forged"):
        load_dataset(path)


def test_a_header_that_claims_less_than_there_is_is_refused(tmp_path):
    path = write_zip(tmp_path, {"x": forged_npy("(2, 2)", bytes(9))})
    with pytest.raises(InputError, match="damaged or forged"):
        load_dataset(path)


@pytest.mark.parametrize(
    "keys",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("training_x", "training_y", "holdout_x", "holdout_y"),
    ],
)
def test_splits_are_found_by_the_names_of_arrays(tmp_path, keys):
    x, y = images()
    arrays = dict(zip(keys, (x[:30], y[:30], x[30:], y[30:]), strict=True))
    data = load_dataset(write_npz(tmp_path, **arrays, train_index=np.arange(30)))
    assert torch.equal(data.train.x, torch.tensor(x[:30, None]) / 255)
    assert torch.equal(data.test.y, torch.tensor(y[30:]))
    assert data.test.ids.tolist() == list(range(10))


@pytest.mark.parametrize(
    ("x", "divisor"),
    [
        (np.full((20, 2, 2), 51, np.uint8), 255),
        (np.full((20, 2, 2), 51, np.int64), 255),
        (np.full((20, 2, 2), 51.0), 255),
        (np.full((20, 2, 2), 0.2, np.float16), 1),
        (np.ones((20, 2, 2), np.uint8), 1),
        (np.ones((20, 2, 2), bool), 1),
    ],
)
def test_images_end_in_the_unit_range_whatever_their_type(tmp_path, x, divisor):
    data = load_dataset(write_npz(tmp_path, x=x, y=np.arange(20) % 2))
    assert data.train.x.dtype == torch.float32
    np.testing.assert_allclose(data.train.x, x[:14, None].astype(np.float32) / divisor, rtol=1e-6)


@pytest.mark.parametrize("value", [1.3, 256.0, -0.1])
def test_images_in_no_known_range_are_refused(tmp_path, value):
    x = np.full((20, 2, 2), value)
    with pytest.raises(InputError, match="image values run"):
        load_dataset(write_npz(tmp_path, x=x, y=np.arange(20) % 2))


def test_channels_go_first_only_where_they_are_last(tmp_path):
    y = np.arange(20) % 2
    first = np.random.default_rng(0).random((20, 3, 4, 5))
    one = load_dataset(write_npz(tmp_path, x=first, y=y))
    other = load_dataset(write_npz(tmp_path, x=first.transpose(0, 2, 3, 1), y=y))
    assert one.fingerprint == other.fingerprint


def test_two_axes_are_features_with_names(tmp_path):
    x, y = np.random.default_rng(0).random((20, 2)), np.arange(20) % 2
    x[0, 1] = np.nan
    data = load_dataset(write_npz(tmp_path, x=x, y=y, feature_names=["height", "weight"]))
    assert [(f.name, f.missing) for f in data.features] == [("height", 0), ("weight", 1)]


def test_class_names_come_from_the_file(tmp_path):
    x, y = images()
    names = np.array([f"digit {k}" for k in range(11)])
    data = load_dataset(write_npz(tmp_path, x=x, y=y, class_names=names))
    assert data.classes == tuple(names)
    assert torch.equal(data.train.y, torch.tensor(y)[data.train.ids])


def test_metadata_describe_the_inputs_row_by_row(tmp_path):
    x, y = images()
    lines = "".join(f"{k},p{k // 2},class {label}\n" for k, label in enumerate(y))
    rows = write_csv(tmp_path, "row,patient,kind\n" + lines, "rows.csv")
    data = load_dataset(write_npz(tmp_path, x=x), metadata=rows, target="kind", group="patient")
    for split in data.splits:
        assert [data.classes[k] for k in split.y] == [f"class {y[row]}" for row in split.ids]
        assert split.columns["patient"].tolist() == [f"p{row // 2}" for row in split.ids.tolist()]


def test_roles_and_targets_may_be_arrays_of_the_file(tmp_path):
    x, y = images()
    arrays = {"x_train": x[:30], "kind_train": y[:30], "x_test": x[30:], "kind_test": y[30:]}
    people = {"person_train": np.arange(30), "person_test": np.arange(10)}
    data = load_dataset(write_npz(tmp_path, **arrays, **people), target="kind", group="person")
    assert data.test.columns["person"].tolist() == [str(k) for k in range(10)]


def test_given_splits_can_be_pooled_and_split_anew(tmp_path):
    x, y = images()
    arrays = {"x_train": x[:30], "y_train": y[:30], "x_test": x[30:], "y_test": y[30:]}
    data = load_dataset(write_npz(tmp_path, **arrays), split="random")
    ids = torch.cat([data.train.ids, data.test.ids])
    assert sorted(ids.tolist()) == list(range(40))
    assert torch.equal(data.test.x, torch.tensor(x[data.test.ids, None]) / 255)


def test_a_second_file_is_the_test_split(tmp_path):
    x, y = images()
    train = write_npz(tmp_path, "train.npz", x=x[:30], y=y[:30])
    test = write_npz(tmp_path, "test.npz", x=x[30:], y=y[30:])
    data = load_dataset(train, test=test)
    assert torch.equal(data.test.x, torch.tensor(x[30:, None]) / 255)
    assert data.origin == "The split was given: train is train, test is test."
