"""Rows without a target: where they come from, and how answers make training rows of them."""

import numpy as np
import pytest
from PIL import Image

from roadworthy.core.errors import InputError
from roadworthy.sources import load_dataset, make_dataset


def table(path, unknown=10):
    rows = [f"{k / 40},{'' if k < unknown else 'ab'[k % 2]}" for k in range(40)]
    path.write_text("\n".join(["x,y", *rows]) + "\n")
    return path


def answers(tmp_path, *lines):
    file = tmp_path / "answers.csv"
    file.write_text("\n".join(["row,label", *lines]) + "\n")
    return file


def test_answered_rows_are_trained_on_and_no_other_row_moves(tmp_path):
    file = table(tmp_path / "t.csv")
    before = load_dataset(file, target="y")
    after = load_dataset(file, target="y", answers=answers(tmp_path, "3,b", "7,a", "8,"))
    assert len(before.unlabelled) == 10
    assert after.unlabelled.ids.tolist() == [0, 1, 2, 4, 5, 6, 8, 9]
    assert after.test.ids.tolist() == before.test.ids.tolist()
    assert after.train.ids.tolist() == [*before.train.ids.tolist(), 3, 7]
    assert after.train.y[-2:].tolist() == [1, 0]
    assert "2 rows have the targets that answers.csv gives; they are trained on." in after.notes


def test_the_last_answer_about_a_row_counts(tmp_path):
    file = table(tmp_path / "t.csv")
    data = load_dataset(file, target="y", answers=answers(tmp_path, "3,a", "3,b"))
    assert data.train.y[-1] == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["20,a"], "row 20 is not a row without a target"),
        (["99,a"], "row 99 is not a row without a target"),
        (["three,a"], "each line must be a row number and a label"),
    ],
)
def test_answers_that_nobody_asked_for_are_refused(tmp_path, lines, said):
    with pytest.raises(InputError, match=said):
        load_dataset(table(tmp_path / "t.csv"), target="y", answers=answers(tmp_path, *lines))


def test_answers_to_numbers_must_be_numbers(tmp_path):
    file = tmp_path / "n.csv"
    file.write_text(
        "\n".join(["x,y", *(f"{k % 7}.5,{'' if k < 5 else k * 1.5}" for k in range(60))])
    )
    data = load_dataset(file, target="y", answers=answers(tmp_path, "2,7.25"))
    assert data.train.y[-1] == 7.25
    with pytest.raises(InputError, match="labels must be Float64"):
        load_dataset(file, target="y", answers=answers(tmp_path, "2,many"))


def test_images_of_a_folder_unlabelled_have_no_class(tmp_path):
    for name in ("cat", "dog", "unlabelled"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for k in range(6):
            pixels = np.full((8, 8), 20 * k + len(name), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{k}.png")
    data = load_dataset(tmp_path / "pets")
    assert data.classes == ("cat", "dog")
    assert len(data.train) + len(data.test) == 12
    assert data.unlabelled.ids.tolist() == list(range(12, 18))
    data = load_dataset(tmp_path / "pets", answers=answers(tmp_path, "12,dog"))
    assert data.train.ids[-1] == 12
    assert data.train.y[-1] == 1


def test_rows_of_another_source_can_be_unlabelled(tmp_path):
    pool = tmp_path / "pool.csv"
    pool.write_text("x\n0.5\n0.25\n")
    data = load_dataset(table(tmp_path / "t.csv", unknown=0), target="y", unlabelled=pool)
    assert data.unlabelled.x[:, 0].tolist() == [0.5, 0.25]
    x, y = np.random.default_rng(0).random((20, 3)), np.arange(20) % 2
    data = make_dataset(x, y, unlabelled=x[:4] + 1, production=x[:2])
    assert len(data.unlabelled) == 4
    assert len(data.production) == 2
