import json

import pytest

from roadworthy.core.report import Report
from roadworthy.render import FORMS
from tests.render.example_report import example_report

ANSWERS = '[declared]\nby = "A. Nurse"\n"CLAIM:8" = "All adults."\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "report.json").write_text(example_report().to_json(), encoding="utf-8")
    (tmp_path / "answers.toml").write_text(ANSWERS, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_printed_or_written(form, command, folder):
    code, printed, _ = command("report", "report.json", "--as", form)
    assert code == 0
    assert command("report", "report.json", "--as", form, "--out", "out")[0] == 0
    assert (folder / "out").read_text(encoding="utf-8") == printed


def test_declared_answers_are_kept_in_the_report_and_shown(command, folder):
    words = ("--as", "json", "--declared", "answers.toml", "--out", "with.json")
    assert command("report", "report.json", *words)[0] == 0
    kept = Report.from_json((folder / "with.json").read_text(encoding="utf-8"))
    assert [answer.item for answer in kept.declared] == ["CLAIM:8"]
    assert (
        "Declared, not measured (A. Nurse): All adults."
        in command("report", "with.json", "--as", "checklist")[1]
    )


def test_a_file_that_somebody_may_have_completed_is_not_overwritten(command, folder):
    (folder / "card.md").write_text("my own words", encoding="utf-8")
    words = ("report", "report.json", "--as", "model-card", "--out", "card.md")
    code, _, err = command(*words)
    assert (code, "--force replaces it" in err) == (2, True)
    assert (folder / "card.md").read_text(encoding="utf-8") == "my own words"
    assert command(*words, "--force")[0] == 0
    assert "Model card" in (folder / "card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.json", "--as", "html"], "cannot read the report"),
        (["report.json", "--as", "pdf"], "--as takes annex-iv, model-card"),
        (["report.json"], "--as"),
        (["report.json", "--as", "html", "--out", "no/folder.html"], "cannot write"),
        (["report.json", "--as", "html", "--declared", "none.toml"], "cannot read the declaration"),
        (["report.json", "--as", "html", "--declared", "wrong.toml"], "did you mean CLAIM:8"),
    ],
)
def test_a_wrong_word_is_answered_by_a_sentence(words, says, command, folder):
    (folder / "wrong.toml").write_text('[declared]\n"CLAIM8" = "x"\n', encoding="utf-8")
    code, _, err = command("report", *words)
    assert code == 2
    assert says in " ".join(err.split())
    assert "Traceback" not in err


def test_an_inspection_takes_answers_from_the_policy_and_from_a_file(command, folder):
    (folder / "roadworthy.toml").write_text(
        '[declared]\n"CLAIM:8" = "Nobody knows."\n"CLAIM:11" = "By hand."\n', encoding="utf-8"
    )
    words = ("inspect", "--only", "small-sample", "--budget", "quick", "--gate", "none")
    assert command(*words, "--declared", "answers.toml", "--out", "r")[0] == 0
    table = json.loads((folder / "r" / "report.json").read_text(encoding="utf-8"))
    given = {answer["item"]: answer["text"] for answer in table["declared"]}
    assert given == {"CLAIM:8": "All adults.", "CLAIM:11": "By hand."}


def test_an_unknown_item_stops_an_inspection_before_anything_is_computed(command, folder):
    (folder / "wrong.toml").write_text('[declared]\n"CLAIM:99" = "x"\n', encoding="utf-8")
    code, _, err = command("inspect", "--declared", "wrong.toml")
    assert code == 2
    assert "no item is called 'CLAIM:99'" in err
    assert not (folder / "store").exists()
