"""The loop over training rows: what is planted is found, what helps is kept and nothing else."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

import roadworthy as rw
from roadworthy.artifacts import TrainingDynamics
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.audit import Audit, Issue, Line, read_audit
from roadworthy.core.errors import InputError
from roadworthy.workflows.changed_rows import Change
from roadworthy.workflows.relabelling import COPIES, LEAVE, LOWEST, TAKE, Relabelled, judging
from tests.datasets import blobs, numbers

RECIPE = "logistic-regression"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def with_wrong_labels(data, share=0.4):
    """Give rows of the first class on one side the label of the second: it shifts the border."""
    y = data.train.y.clone()
    first = (y == 0).nonzero()[:, 0]
    wrong = first[: round(share * len(first))]
    y[wrong] = 1
    train = replace(data.train, y=y)
    return replace(data, splits=(train, data.test)), data.train.ids[wrong].tolist()


def proposing(data, rows, label):
    """An audit that proposes one label for some rows."""
    proposed = data.classes[label]
    return Audit(tuple(Line("train", row, Issue.LABEL, 0.1, proposed=proposed) for row in rows))


def gains(found):
    return {tried.change.name: tried for tried in found.tried}


def test_planted_wrong_labels_and_copies_are_listed():
    data, wrong = with_wrong_labels(blobs(600, apart=5.0), share=0.1)
    x = data.train.x.clone()
    x[50], x[60] = data.test.x[7], x[3]
    data = replace(data, splits=(replace(data.train, x=x), data.test))
    found = rw.data.audit(data, RECIPE)
    listed = {line.row: line.proposed for line in found.of(Issue.LABEL)}
    hits = [row for row in wrong if listed.get(row) == "class 0"]
    assert len(hits) > 0.5 * len(wrong)
    copies = {line.row: line.other for line in found.of(Issue.DUPLICATE)}
    ids = data.train.ids
    assert copies == {
        int(ids[50]): f"test:{int(data.test.ids[7])}",
        int(ids[60]): f"train:{int(ids[3])}",
    }
    value = {line.row: line.score for line in found.of(Issue.VALUE)}
    assert np.mean([value[row] for row in hits]) < 0 < np.mean(list(value.values()))
    assert list(found.not_assessed) == ["the map of easy and hard rows"]


def test_a_network_gives_the_map_too_and_a_file_holds_all(tmp_path):
    data = blobs(120)
    found = rw.data.audit(data, "mlp")
    assert len(found.of(Issue.EASY, Issue.AMBIGUOUS, Issue.HARD)) == len(data.train)
    found.save(tmp_path / "audit.csv")
    assert read_audit(tmp_path / "audit.csv").lines == found.lines


def test_of_numbers_only_copies_and_outliers_are_told():
    found = rw.data.audit(numbers(), "ridge")
    assert "the target is a number" in found.not_assessed["suspected labels"]
    assert not found.of(Issue.LABEL, Issue.VALUE)


def test_of_texts_all_is_told():
    generator = np.random.default_rng(0)
    words = np.array(["train", "ticket", "late", "soup", "bread", "oven", "please", "today"])
    kinds = generator.integers(0, 2, 400)
    said = [[*generator.choice(words[k::2], 5), f"row {n}"] for n, k in enumerate(kinds)]
    frame = pl.DataFrame({"text": [" ".join(each) for each in said], "y": kinds})
    data = rw.make_dataset(frame, "y", text="text")
    found = rw.data.audit(data, "bag-of-words")
    assert not found.not_assessed
    assert len({line.row for line in found.of(Issue.VALUE)}) == len(data.train)
    found = rw.data.select(data, 40, "coreset", "bag-of-words", "bag-of-words", seeds=2)
    assert len(found.picked) == 40


def test_right_proposals_are_kept_one_way_or_the_other():
    data, wrong = with_wrong_labels(blobs(900, apart=1.0))
    found = rw.data.relabel(data, proposing(data, wrong, 0), RECIPE, seeds=2)
    tried = gains(found)
    assert tried[TAKE].is_kept != tried[LEAVE].is_kept
    assert found.gain.low > 0
    assert found.change == next(t.change for t in found.tried if t.is_kept)
    assert tried[COPIES].why == tried[LOWEST].why == "the audit names no such row"


def test_wrong_proposals_are_refused():
    data = blobs(900, apart=1.0)
    right = data.train.ids[data.train.y == 1][:120].tolist()
    found = rw.data.relabel(data, proposing(data, right, 0), RECIPE, seeds=2)
    assert gains(found)[TAKE].gain.value < -0.05
    assert gains(found)[TAKE].why == "it gains nothing on the rows that choose"
    assert not any(tried.is_kept for tried in found.tried)
    assert not len(found.change)
    assert found.sentence.startswith("Nothing is kept")


def test_what_is_kept_is_written_as_the_loader_takes_it(tmp_path):
    found = Relabelled((), Change("both", {4: "b", 2: "a"}, frozenset({9, 7})), None, (20, 20))
    rest = found.save(tmp_path / "relabelled.csv")
    assert (tmp_path / "relabelled.csv").read_text() == "row,label\n2,a\n4,b\n"
    assert rest.name == "relabelled-without.csv"
    assert rest.read_text() == "split,row\ntrain,7\ntrain,9\n"


def test_what_an_earlier_round_kept_is_written_too(tmp_path):
    labels, rows = tmp_path / "relabelled.csv", tmp_path / "relabelled-without.csv"
    Relabelled((), Change("first", {4: "b", 2: "a"}, frozenset({9})), None, (20, 20)).save(labels)
    rows.write_text(rows.read_text() + "test,3\n")
    second = Relabelled((), Change("second", {4: "a"}, frozenset({7})), None, (20, 20))
    second.save(labels, corrections=labels, without=rows)
    assert labels.read_text() == "row,label\n2,a\n4,a\n"
    assert rows.read_text() == "split,row\ntrain,7\ntrain,9\ntest,3\n"


def test_a_test_row_that_repeats_a_training_row_does_not_judge():
    data = blobs(300)
    x = data.test.x.clone()
    x[5] = x[2]
    data = replace(data, splits=(data.train, replace(data.test, x=x)))
    line = Line("train", 0, Issue.DUPLICATE, 1.0, other=f"test:{int(data.test.ids[2])}")
    assert np.flatnonzero(~judging(data, Audit((line,)))).tolist() == [2, 5]


def test_a_change_that_would_lose_a_class_is_not_tried():
    data = blobs(300)
    lost = data.train.ids[data.train.y == 1].tolist()
    found = rw.data.relabel(data, proposing(data, lost, 0), RECIPE, seeds=2)
    assert gains(found)[LEAVE].why == "it would leave no row of class class 1"
    assert gains(found)[LEAVE].gain is None


@pytest.mark.parametrize("by", ["coreset", "random", "value", "typiclust"])
def test_rows_are_picked_and_the_others_are_named(by, tmp_path):
    data = blobs(240)
    found = rw.data.select(data, 30, by, RECIPE, RECIPE, seeds=2)
    assert len(found.picked) == len(set(found.picked)) == 30
    assert sorted((*found.picked, *found.rest)) == data.train.ids.tolist()
    assert 0.5 < found.score.value <= 1
    assert (found.gain is None) == (by == "random")
    assert len(found.save(tmp_path / "rows.csv").read_text().splitlines()) == 131


def test_rows_of_wrong_labels_are_hardly_picked_for_their_value():
    data, wrong = with_wrong_labels(blobs(600, apart=5.0), share=0.2)
    found = rw.data.select(data, 200, "value", RECIPE, RECIPE, seeds=2)
    assert len(set(found.picked) & set(wrong)) < 0.2 * len(wrong) / 2  # by chance half of them


def test_ambiguous_rows_are_those_of_the_highest_variability():
    data = blobs(150)
    model = rw.load_model("mlp", data)
    found = rw.data.select(data, 20, "ambiguous", model, RECIPE, seeds=2)
    subject = Subject(model, data)
    dynamics = Bench(subject, Store(None)).get_for((TrainingDynamics(),))(TrainingDynamics())
    order = dynamics.variability.argsort(descending=True, stable=True)[:20]
    assert list(found.picked) == data.train.ids[dynamics.rows[order]].tolist()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rows": 30, "by": "luck"}, "rows are picked by coreset, random"),
        ({"rows": 1}, "1 of 160 rows cannot be picked"),
        ({"rows": 160}, "160 of 160 rows cannot be picked"),
        ({"rows": 30, "seeds": 1}, "2 seeds or more"),
        ({"rows": 30, "by": "ambiguous"}, "rows cannot be picked by ambiguous"),
    ],
)
def test_a_selection_that_cannot_be_made_is_refused(given, says):
    with pytest.raises(InputError, match=says):
        rw.data.select(blobs(240), model=RECIPE, recipe=RECIPE, **given)


def test_a_relabelling_that_cannot_be_judged_is_refused():
    data = blobs(240)
    audit = proposing(data, data.train.ids[:3].tolist(), 0)
    with pytest.raises(InputError, match="no training row 9999"):
        rw.data.relabel(data, proposing(data, [9999], 0), RECIPE)
    with pytest.raises(InputError, match="it takes 20 to judge"):
        rw.data.relabel(blobs(45), proposing(data, [0], 0), RECIPE)
    with pytest.raises(InputError, match="asks for labels"):
        rw.data.relabel(data, audit, f"{RECIPE}@margin")
    with pytest.raises(InputError, match="between 0 and 1"):
        rw.data.relabel(data, audit, RECIPE, lowest=2)
