"""`roadworthy data`, as a user calls it: on planted flaws, and on the same rows without them."""

import csv

import numpy as np
import pytest

WHERE = ["--target", "y", "--split", "part"]
FOREST = ["--recipe", "random-forest", "--set", "random-forest.trees=15", "--seeds", "2"]


def write(file, share, copies=0):
    """A table whose training rows have a share of wrong labels, and copies of test rows."""
    generator = np.random.default_rng(0)
    truth = np.arange(700) % 2
    x = (generator.normal(size=(700, 3)) + [3.0, 0, 0] * truth[:, None]).round(4)
    part = np.where(np.arange(700) < 300, "train", "test")
    is_wrong = (generator.random(700) < share) & (part == "train")
    x[:copies] = x[300 : 300 + copies]
    truth[:copies] = truth[300 : 300 + copies]
    label = np.array(["minus", "plus"])[truth ^ is_wrong]
    rows = zip(*x.T.tolist(), part.tolist(), label.tolist(), strict=True)
    lines = [",".join(map(str, row)) for row in rows]
    file.write_text("\n".join(["a,b,c,part,y", *lines]) + "\n")
    return set(np.flatnonzero(is_wrong).tolist())


def lines_of(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_planted_flaws_are_found_corrected_and_learned_from(command, tmp_path):
    wrong = write(tmp_path / "t.csv", 0.3, copies=5)
    audit = ["data", "audit", "t.csv", *WHERE, "--model", "logistic-regression"]
    code, out, err = command(*audit)
    assert code == 0, err
    assert "label: the label is probably wrong" in out
    assert "5 duplicate: equals a test row" in " ".join(out.split())
    assert "not assessed: the map of easy and hard rows" in out
    lines = lines_of(tmp_path / "audit.csv")
    assert list(lines[0]) == ["split", "row", "issue", "score", "proposed", "other"]
    suspected = {int(line["row"]) for line in lines if line["issue"] == "label"}
    assert len(suspected & wrong) > 0.6 * len(wrong)  # those that the model is sure about
    assert len(suspected & wrong) > 0.8 * len(suspected)
    copied = {line["row"]: line["other"] for line in lines if line["issue"] == "duplicate"}
    assert copied == {str(k): f"test:{300 + k}" for k in range(5)}
    code, out, err = command("data", "relabel", "t.csv", *WHERE, "--from", "audit.csv", *FOREST)
    assert code == 0, err
    assert "Kept: " in out
    fixed, rest = (lines_of(tmp_path / f"relabelled{end}.csv") for end in ("", "-without"))
    treated = {int(line["row"]) for line in (*fixed, *rest)}
    assert len(treated & wrong) > 0.6 * len(wrong)
    files = ["--corrections", "relabelled.csv", "--without", "relabelled-without.csv"]
    code, out, err = command("train", "t.csv", *WHERE, *FOREST[:4], *files)
    assert code == 0, err
    assert f"{300 - len(rest)} labels" in out


def test_of_a_clean_twin_nothing_is_kept(command, tmp_path):
    write(tmp_path / "t.csv", 0.0)
    audit = ["data", "audit", "t.csv", *WHERE, "--model", "logistic-regression"]
    code, _, err = command(*audit)
    assert code == 0, err
    code, out, err = command("data", "relabel", "t.csv", *WHERE, "--from", "audit.csv", *FOREST)
    assert code == 0, err
    assert "Nothing is kept" in out
    assert lines_of(tmp_path / "relabelled.csv") == []
    assert lines_of(tmp_path / "relabelled-without.csv") == []


def test_rows_are_picked_and_compared_with_random_ones(command, tmp_path):
    write(tmp_path / "t.csv", 0.0)
    words = ["--rows", "40", "--model", "logistic-regression", *FOREST]
    code, out, err = command("data", "select", "t.csv", *WHERE, *words, "--by", "typiclust")
    assert code == 0, err
    said = " ".join(out.split())
    assert "40 rows picked by typiclust: accuracy" in said
    assert "as many random rows, " in said
    assert len(lines_of(tmp_path / "rows.csv")) == 40
    assert len(lines_of(tmp_path / "rows-without.csv")) == 260
    train = ["train", "t.csv", *WHERE, *FOREST[:4], "--without", "rows-without.csv"]
    code, out, err = command(*train)
    assert code == 0, err
    assert "40 labels" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["relabel", "digits", "--from", "none.csv"], "cannot read none.csv"),
        (["relabel", "digits", "--from", "bad.csv"], "must have the columns split, row, issue"),
        (["relabel", "digits", "--from", "odd.csv"], "odd.csv is no audit"),
        (["relabel", "digits", "--from", "far.csv"], "there is no training row 99999"),
        (["select", "digits", "--rows", "50", "--by", "luck"], "rows are picked by coreset"),
        (["select", "digits", "--rows", "50000"], "cannot be picked"),
        (["select", "digits", "--rows", "50", "--recipe", "cnm"], "did you mean cnn"),
        (["audit", "digits", "--budget", "lots"], "--budget takes"),
        (["relabell"], "No such command"),
    ],
)
def test_a_wrong_word_is_answered_by_a_sentence(words, says, command, tmp_path):
    heading = "split,row,issue,score,proposed,other\n"
    (tmp_path / "bad.csv").write_text("split,row\ntrain,1\n")
    (tmp_path / "odd.csv").write_text(f"{heading}train,1,strange,0.5,,\n")
    (tmp_path / "far.csv").write_text(f"{heading}train,99999,label,0.5,3,\n")
    code, _, err = command("data", *words)
    assert code == 2
    assert says in " ".join(err.split())
    assert "Traceback" not in err
