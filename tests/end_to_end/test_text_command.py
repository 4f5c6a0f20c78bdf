import csv
import json

import pytest

ONLY = ["--budget", "quick", "--only", "accuracy", "--only", "robust-accuracy"]


@pytest.fixture
def mails(tmp_path):
    path = tmp_path / "mails.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["body", "label", "length"])
        for k in range(80):
            lines.writerow([f"{('Win a prize', 'See you, Zoë')[k % 2]} {k} <b>", k % 2, k])
    return path.name


def test_a_file_of_texts_is_judged_by_the_baseline_of_texts(mails, command):
    words = [mails, "--text", "body", "--target", "label", *ONLY, "--gate", "none"]
    code, out, err = command("inspect", *words, "--json")
    assert code == 0, err
    report = json.loads(out)
    verdicts = {found["check"]: found["verdict"] for found in report["findings"]}
    assert report["inspected"]["model"] == "bag-of-words"
    assert report["inspected"]["notes"][-1].endswith("left out: 'length'.")
    assert verdicts["accuracy"] == "pass"
    assert verdicts["robust-accuracy"] == "not_assessed"
    assert "--text body" in report["judged"]["command"]


def test_attacks_on_texts_are_refused_by_a_sentence(mails, command):
    words = ["bag-of-words", mails, "--text", "body", "--target", "label"]
    code, _, err = command("attack", *words, "--attack", "pgd")
    assert code == 2
    assert "texts are not numbers" in " ".join(err.split())


def test_who_forgets_to_name_the_text_is_told_how(mails, command):
    code, _, err = command("inspect", "mlp", mails, "--target", "label", "--group", "length")
    assert code == 2
    assert "name its column with --text" in " ".join(err.split())
