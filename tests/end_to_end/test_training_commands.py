"""`roadworthy train` and `roadworthy compare`, as a user calls them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SLOW = ["--recipe", "cnn", "--set", "cnn.epochs=8", "--set", "cnn.width=32", "--seed", "3"]


def start(*words, cwd):
    line = [Path(sys.executable).with_name("roadworthy"), "train", "digits", *words]
    return subprocess.Popen(line, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_trained_model_can_be_inspected(command, tmp_path):
    words = ["--recipe", "cnn+label-smoothing", "--labels", "200", "--passes", "4000"]
    code, out, err = command("train", "digits", *words, "--out", "model")
    assert code == 0, err
    assert "200 labels: accuracy" in out
    assert "on 539 test rows" in out
    code, out, err = command(
        "inspect", "model", "digits", "--only", "accuracy", "--gate", "none", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["inspected"]["model"] == "cnn + label-smoothing"


@pytest.mark.slow
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(tmp_path):
    whole = start(*SLOW, "--out", "whole", cwd=tmp_path)
    _, said = whole.communicate(timeout=300)
    assert whole.returncode == 0, said
    stopped = start(*SLOW, "--out", "model", cwd=tmp_path)
    kept = tmp_path / "model.unfinished"
    until = time.monotonic() + 120
    while not any(kept.glob("*/*.pt")) and stopped.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert b"the same command goes on from there" in said
    assert not (tmp_path / "model").exists()
    again = start(*SLOW, "--out", "model", cwd=tmp_path)
    again.communicate(timeout=300)
    assert again.returncode == 0
    assert not kept.exists()
    weights = [
        (tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "model")
    ]
    assert weights[0] == weights[1]


def test_trainings_are_compared_in_a_table_a_page_and_a_sentence(command, tmp_path):
    words = ["--recipes", "logistic-regression,logistic-regression@margin", "--seeds", "2"]
    code, out, err = command("compare", "digits", *words, "--labels", "20,40", "--store", "store")
    assert code == 0, err
    assert "With 40 labels" in " ".join(out.split())
    page = (tmp_path / "roadworthy-comparison" / "comparison.html").read_text("utf-8")
    assert page.count("<figure>") == 1
    assert "logistic-regression@margin" in page
    said = json.loads((tmp_path / "roadworthy-comparison" / "comparison.json").read_text())
    assert [entry["labels"] for entry in said["entries"]] == [20, 40, 20, 40]
    assert said["test"]["choose"] + said["test"]["tell"] == 539
    assert (said["test"]["of"], said["judged_by"]) == ("rows", "accuracy")
    assert len(list((tmp_path / "store" / "trials").iterdir())) == 8


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "digits", "--recipe", "cnm"], "did you mean cnn"),
        (["train", "digits", "--recipe", "cnn+coral"], "learns ordinal tasks"),
        (["train", "digits", "--set", "width=3"], "--set takes name.field=value"),
        (["train", "digits", "--labels", "1"], "1 cannot be used"),
        (["compare", "digits", "--labels", "20,many"], "--labels takes whole numbers"),
        (["compare", "digits", "--labels", "5"], "a comparison takes"),
    ],
)
def test_a_wrong_word_is_answered_by_a_sentence(words, says, command):
    code, _, err = command(*words)
    assert code == 2
    assert says in " ".join(err.split())


def test_labels_are_asked_for_answered_and_learned_from(command, tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 3)).round(2)
    truth = ["plus" if value > 0 else "minus" for value in x[:, 0]]
    lines = [
        ",".join([*map(str, row), truth[k] if k < 80 else ""]) for k, row in enumerate(x.tolist())
    ]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    where = ["t.csv", "--target", "y"]
    code, out, err = command("train", *where, "--labels", "20", "--out", "first")
    assert code == 0, err
    code, out, err = command("label", *where, "--model", "first", "--batch", "10")
    assert code == 0, err
    assert "10 rows to label, chosen by margin: labels.csv" in out
    asked = [line.split(",") for line in (tmp_path / "labels.csv").read_text().splitlines()[1:]]
    answers = [f"{row},{truth[int(row)]},{guess}" for row, _, guess in asked]
    (tmp_path / "labels.csv").write_text("\n".join(["row,label,guess", *answers]) + "\n")
    code, out, err = command("train", *where, "--answers", "labels.csv", "--out", "second")
    assert code == 0, err
    assert "mlp, 66 labels" in out  # 56 of the 80 are trained on, and 10 more
    code, out, err = command("label", *where, "--model", "second", "--batch", "5")
    assert code == 0, err
    rows = [line.split(",")[0] for line in (tmp_path / "labels.csv").read_text().splitlines()[1:]]
    assert len(set(rows)) == 15
