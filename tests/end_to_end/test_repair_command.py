import json
from dataclasses import replace

import pytest

from roadworthy.cli.data_options import DataOptions
from roadworthy.cli.repair_session import read_proposal
from roadworthy.core.finding import Remedy, Verdict
from tests.render.example_report import example_report

QUICK = ["--budget", "quick", "--only", "robust-accuracy"]


def test_what_a_report_proposes_is_applied_and_the_model_can_be_inspected(command, tmp_path):
    code, _, err = command("inspect", "digits-cnn", "digits", *QUICK, "--gate", "none")
    assert code == 0, err
    words = ["--from", "roadworthy-report/report.json", "--set", "steps=5", *QUICK]
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
    page = (tmp_path / "both" / "comparison.html").read_text("utf-8")
    assert "digits-cnn → digits-cnn + adversarial-training" in page
    assert page.count("<figure>") == 2  # accuracy over the budget, for two norms
    code, out, err = command(
        "diff", "both/before/report.json", "both/after/report.json", "--out", "two.html"
    )
    assert code == 0, err
    assert out.rstrip().endswith("two.html")
    assert (tmp_path / "two.html").read_text("utf-8").count("<figure>") == 2
    manifest = json.loads((tmp_path / "safer" / "bundle.json").read_text())
    settings = manifest["strategies"][0]["settings"]
    assert [settings[name] for name in ("norm", "eps", "steps")] == ["l2", 0.5, 5]
    code, out, err = command("inspect", "safer", "digits", *QUICK, "--gate", "none", "--json")
    assert code == 0, err
    inspected = {found["scope"]: found["estimate"] for found in json.loads(out)["findings"]}
    after = {found["scope"]: found["estimate"] for found in reports["after"]["findings"]}
    assert inspected == after


def test_a_defense_that_two_findings_propose_gets_the_settings_of_the_first(tmp_path):
    report = example_report()
    first, second = (
        replace(
            finding,
            verdict=Verdict.FAIL,
            remedies=(
                Remedy("Look."),
                Remedy("Train.", "", "adversarial-training", (f"adversarial-training.eps={eps}",)),
                Remedy("Guard.", "", "jpeg"),
            ),
        )
        for finding, eps in zip(report.findings[:2], (0.2, 0.5), strict=True)
    )
    path = replace(report, findings=(first, second)).save(tmp_path / "report.json")
    *_, names, settings = read_proposal(path, "model", "data", DataOptions())
    assert names == ("adversarial-training", "jpeg")
    assert settings == ("adversarial-training.eps=0.2",)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "at least one defense"),
        (["--defense", "tradse"], "did you mean trades"),
        (["--defense", "trades", "--set", "gold=1"], "has no field"),
        (
            ["--defense", "trades,adversarial-training"],
            "both set the objective of the training (the loss of a batch)",
        ),
        (["--defense", "reweighing"], "pass --sensitive"),
        (["--from", "nothing.json"], "nothing.json"),
    ],
)
def test_a_wrong_word_is_answered_by_a_sentence(words, says, command):
    code, _, err = command("repair", *words)
    assert code == 2
    assert says in err
    assert "Traceback" not in err


def test_a_page_of_two_reports_that_cannot_be_written_is_a_sentence(command, tmp_path):
    example_report().save(tmp_path / "report.json")
    for out, says in (("nowhere/page.html", "cannot write"), ("page.pdf", "end the name in .html")):
        code, _, err = command("diff", "report.json", "report.json", "--out", out)
        assert code == 2
        assert says in err
