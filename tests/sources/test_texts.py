import gzip

import polars as pl
import pytest

from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.core.text import to_texts
from roadworthy.recipes import BagOfWords
from roadworthy.sources import load_dataset, make_dataset
from roadworthy.sources.bundles import load_bundle, save_bundle
from roadworthy.sources.texts import MOST_CHARACTERS, read_texts

TEXTS = [f"{'Cheap' if k % 2 else 'Kind'} words, row {k}" for k in range(20)]
LABELS = ["ad", "mail"] * 10


def texts_by_row(data):
    found = {}
    for split in data.splits:
        found |= dict(zip(split.ids.tolist(), to_texts(split.x), strict=True))
    return [found[row] for row in sorted(found)]


def test_a_list_of_strings_is_a_dataset_of_texts():
    data = make_dataset(TEXTS, LABELS)
    assert data.kind == "text"
    assert data.features == ()
    assert texts_by_row(data) == TEXTS


@pytest.mark.parametrize("make", [tuple, pl.Series, lambda texts: pl.Series(texts).to_numpy()])
def test_strings_may_come_in_any_row(make):
    assert texts_by_row(make_dataset(make(TEXTS), LABELS)) == TEXTS


def test_a_frame_gives_the_column_that_is_named():
    frame = pl.DataFrame({"words": TEXTS, "y": LABELS, "length": range(20), "who": list("ab") * 10})
    data = make_dataset(frame, "y", text="words", sensitive=("who",))
    assert texts_by_row(data) == TEXTS
    assert set(data.train.columns) == {"who"}
    assert "The model sees the text alone; left out: 'length'." in data.notes


def test_pandas_frames_and_columns_give_texts():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"words": TEXTS, "y": LABELS})
    assert texts_by_row(make_dataset(frame, "y", text="words")) == TEXTS
    assert texts_by_row(make_dataset(frame["words"], frame["y"])) == TEXTS


def test_a_csv_file_gives_texts_as_they_stand(tmp_path):
    path = tmp_path / "mails.csv.gz"
    texts = [*TEXTS[:-1], 'Quoted, "twice"\nover two lines, café 😀']
    path.write_bytes(gzip.compress(pl.DataFrame({"t": texts, "y": LABELS}).write_csv().encode()))
    data = load_dataset(path, target="y", text="t")
    assert texts_by_row(data) == texts


def test_splits_and_production_rows_of_other_lengths_fit(tmp_path):
    for name, words in (("train", TEXTS), ("test", ["short", "words"] * 5), ("field", ["w" * 99])):
        frame = pl.DataFrame({"t": words, "y": LABELS[: len(words)]})
        (frame if name != "field" else frame.drop("y")).write_csv(tmp_path / f"{name}.csv")
    files = {"test": tmp_path / "test.csv", "production": tmp_path / "field.csv"}
    data = load_dataset(tmp_path / "train.csv", target="y", text="t", **files)
    assert to_texts(data.train.x) == TEXTS
    assert to_texts(data.test.x) == ["short", "words"] * 5
    assert to_texts(data.production.x) == ["w" * 99]


def test_what_was_changed_is_said():
    texts = pl.Series([None, "a\x00b", "x" * (MOST_CHARACTERS + 1)])
    read, notes = read_texts(texts, "x")
    assert read.to_list() == ["", "ab", "x" * MOST_CHARACTERS]
    assert [note.split(" texts ")[0] for note in notes] == ["1", "1", "1"]
    assert "cut after their first 5,000 characters" in notes[2]


def test_metadata_and_groups_go_with_the_texts():
    columns = {"writer": [k // 2 for k in range(20)]}
    data = make_dataset(TEXTS, LABELS, columns=columns, group="writer", split="by-group")
    train, test = (set(split.columns["writer"]) for split in data.splits)
    assert not train & test


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load_dataset("digits", text="t"), "--text names a column of a table"),
        (lambda: make_dataset([[1.0], [2.0]] * 4, [0, 1] * 4, text="t"), "x is none"),
        (lambda: make_dataset([""] * 8, [0, 1] * 4), "every one is empty"),
        (
            lambda: make_dataset(pl.DataFrame({"a": [1, 2] * 4, "y": [0, 1] * 4}), "y", text="t"),
            "no column 't' for --text",
        ),
        (
            lambda: make_dataset(pl.DataFrame({"a": [1, 2] * 4, "y": [0, 1] * 4}), "y", text="a"),
            "not texts",
        ),
        (
            lambda: make_dataset(
                pl.DataFrame({"a": [1, 2] * 4, "y": ["p", "q"] * 4}), "y", text="y"
            ),
            "another thing too",
        ),
        (
            lambda: make_dataset(TEXTS, LABELS, test=([[1.0], [2.0]], ["ad", "mail"])),
            "not of one kind",
        ),
    ],
)
def test_what_cannot_be_text_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_bundle_of_a_text_model_takes_texts_of_any_length(tmp_path):
    data = make_dataset(TEXTS, LABELS)
    model = BagOfWords(epochs=2).fit(data, data.train, 0, Silent())
    longer = make_dataset([f"{text}, and much more to say" for text in TEXTS], LABELS)
    again = load_bundle(save_bundle(model, tmp_path / "bundle"), longer)
    assert again.spec == model.spec
    assert again(data.test.x).equal(model(data.test.x))
    assert again(longer.test.x).shape == (len(longer.test), 2)
