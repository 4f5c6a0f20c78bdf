import numpy as np
import polars as pl
import pytest
from PIL import Image

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.sources import load_dataset, make_dataset

N, USED = 60, 20


@pytest.fixture
def numbers():
    generator = np.random.default_rng(0)
    return generator.normal(size=(N, 3)), np.arange(N) % 2, generator.normal(size=(USED, 3))


def frames(numbers):
    x, y, used = numbers
    names = ["a", "b", "c"]
    frame = pl.DataFrame(x, schema=names).with_columns(y=pl.Series(y), site=pl.lit("here"))
    return frame, pl.DataFrame(used, schema=names)


def test_production_rows_are_no_training_and_no_test_rows(numbers):
    x, y, used = numbers
    data = make_dataset(x, y, production=used)
    assert [len(split) for split in data.splits] == [42, 18, USED]
    assert np.allclose(data.production.x, used, atol=1e-6)
    assert not data.production.is_labelled.any()
    assert data.train.is_labelled.all()


def test_labels_of_production_rows_are_kept_where_they_are_known(numbers):
    x, y, used = numbers
    data = make_dataset(x, y, production=(used, np.arange(USED) % 2))
    assert data.production.y.tolist() == (np.arange(USED) % 2).tolist()


def test_an_unknown_number_is_nan(numbers):
    x, _, used = numbers
    data = make_dataset(x, x.sum(1), production=used)
    assert data.task is Task.REGRESSION
    assert data.production.y.isnan().all()


def test_a_file_of_production_rows_needs_no_target_and_no_roles(numbers, tmp_path):
    frame, used = frames(numbers)
    frame.write_csv(tmp_path / "rows.csv")
    used.write_csv(tmp_path / "used.csv")
    data = load_dataset(
        tmp_path / "rows.csv", target="y", environment="site", production=tmp_path / "used.csv"
    )
    assert data.classes == ("0", "1")
    assert len(data.production) == USED
    assert set(data.production.columns["site"]) == {""}
    assert "Production rows are used." in data.notes


def test_a_split_column_may_name_production_rows(numbers, tmp_path):
    frame, used = frames(numbers)
    words = ["train"] * 40 + ["test"] * 20 + ["production"] * USED
    both = pl.concat([frame.drop("site"), used.with_columns(y=pl.lit(None, pl.Int64))])
    both.with_columns(part=pl.Series(words)).write_csv(tmp_path / "rows.csv")
    data = load_dataset(tmp_path / "rows.csv", target="y", split="part")
    assert {split.name: len(split) for split in data.splits} == {
        "train": 40,
        "test": 20,
        "production": USED,
    }


def test_a_new_split_leaves_production_rows_where_they_are(numbers):
    x, y, used = numbers
    times = np.arange(N + USED)[::-1]
    data = make_dataset(x, y, production=used, columns={"day": times}, time="day", split="by-time")
    assert data.production.columns["day"].tolist() == times[N:].tolist()


def test_arrays_of_a_file_may_hold_production_rows(numbers, tmp_path):
    x, y, used = numbers
    np.savez(
        tmp_path / "rows.npz",
        x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:], x_production=used,
    )  # fmt: skip
    data = load_dataset(tmp_path / "rows.npz")
    assert len(data.production) == USED
    np.savez(tmp_path / "own.npz", x=x, y=y)
    np.savez(tmp_path / "used.npz", x=used)
    data = load_dataset(tmp_path / "own.npz", production=tmp_path / "used.npz")
    assert not data.production.is_labelled.any()


def test_a_folder_of_production_images_need_not_be_sorted(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (12, 8, 8), dtype=np.uint8)
    for k, image in enumerate(pixels):
        folder = tmp_path / ("used" if k >= 8 else f"rows/{'ab'[k % 2]}")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{k}.png")
    data = load_dataset(tmp_path / "rows", production=tmp_path / "used")
    assert data.production.x.shape == (4, 1, 8, 8)
    assert not data.production.is_labelled.any()


def test_production_rows_must_have_the_features(numbers, tmp_path):
    frame, used = frames(numbers)
    frame.write_csv(tmp_path / "rows.csv")
    used.drop("c").write_csv(tmp_path / "used.csv")
    with pytest.raises(InputError, match="the production file has no column 'c'"):
        load_dataset(
            tmp_path / "rows.csv", target="y", environment="site", production=tmp_path / "used.csv"
        )
