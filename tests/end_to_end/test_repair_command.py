import json

import pytest

QUICK = ["--budget", "quick", "--only", "robust-accuracy"]


def test_what_a_report_proposes_is_applied_and_the_model_can_be_inspected(command, tmp_path):
    code, _, err = command("inspect", "digits-cnn", "digits", *QUICK, "--gate", "none")
    assert code == 0, err
    words = ["--from", "roadworthy-report/report.json", "--set", "eps=0.1", *QUICK]
    code, out, err = command("repair", *words, "--out", "safer", "--report", "both", "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["model"] == "digits-cnn + adversarial-training"
    effects = {change["key"]: change["effect"] for change in said["changes"]}
    assert effects["RW-ROB-001:l2"] == "better"
    reports = {
        name: json.loads((tmp_path / "both" / name / "report.json").read_text())
        for name in ("before", "after")
    }
    assert reports["before"]["judged"]["seed"] == reports["after"]["judged"]["seed"]
    manifest = json.loads((tmp_path / "safer" / "bundle.json").read_text())
    assert manifest["strategies"][0]["settings"]["eps"] == 0.1
    code, out, err = command("inspect", "safer", "digits", *QUICK, "--gate", "none", "--json")
    assert code == 0, err
    inspected = {found["scope"]: found["estimate"] for found in json.loads(out)["findings"]}
    after = {found["scope"]: found["estimate"] for found in reports["after"]["findings"]}
    assert inspected == after


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "at least one defense"),
        (["--defense", "tradse"], "did you mean trades"),
        (["--defense", "trades", "--set", "gold=1"], "has no field"),
        (["--defense", "trades,adversarial-training"], "both set the objective"),
        (["--defense", "reweighing"], "pass --sensitive"),
        (["--from", "nothing.json"], "nothing.json"),
    ],
)
def test_a_wrong_word_is_answered_by_a_sentence(words, says, command):
    code, _, err = command("repair", *words)
    assert code == 2
    assert says in err
    assert "Traceback" not in err
