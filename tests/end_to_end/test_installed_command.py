"""The installed command, used as a person would."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

COMMAND = [str(Path(sys.executable).with_name("roadworthy"))]
QUICK = ["--budget", "quick", "--skip", "privacy"]


def roadworthy(*words, cwd, store=None, timeout=300, **more):
    environment = os.environ | {"ROADWORTHY_STORE": str(store or cwd / "store"), "COLUMNS": "120"}
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        **more,
    )


@pytest.fixture(scope="module")
def inspected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inspected")
    done = roadworthy("inspect", *QUICK, "--gate", "none", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_the_default_inspection_says_where_the_report_is_and_what_is_worst(inspected):
    folder, done = inspected
    assert "report.html" in done.stdout
    report = json.loads((folder / "roadworthy-report" / "report.json").read_text())
    assert report["inspected"]["dataset"] == "digits"
    verdicts = {finding["verdict"] for finding in report["findings"]}
    assert verdicts <= {"pass", "warn", "fail", "not_assessed"}
    bad = [f for f in report["findings"] if f["verdict"] == "fail"][:3]
    for finding in bad:
        assert finding["code"] in done.stdout


def test_the_folder_holds_every_format(inspected):
    folder = inspected[0] / "roadworthy-report"
    assert ElementTree.parse(folder / "report.xml").getroot().tag == "testsuites"
    assert json.loads((folder / "report.sarif").read_text())["version"] == "2.1.0"
    assert (folder / "report.md").read_text().startswith("# ")
    html = (folder / "report.html").read_text()
    assert len(html.encode()) < 5 * 2**20
    assert not re.search(r"""(src|href)=["']?(https?:)?//(?!(arxiv|doi)\.org)""", html)


def test_rows_of_findings_can_be_left_out_of_the_next_inspection(inspected, tmp_path):
    folder = inspected[0] / "roadworthy-report"
    files = list((folder / "rows").glob("*.csv"))
    assert files
    with files[0].open() as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"split", "row"}
    done = roadworthy(
        "inspect", "digits-cnn", "digits", "--without", files[0], "--only", "data",
        "--gate", "none", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "roadworthy-report" / "report.json").read_text())
    assert sum(report["inspected"]["splits"].values()) == 1797 - len(
        {(row["split"], row["row"]) for row in rows}
    )


def test_the_same_command_gives_the_same_report_but_for_times(inspected):
    folder, _ = inspected
    first = json.loads((folder / "roadworthy-report" / "report.json").read_text())
    done = roadworthy("inspect", *QUICK, "--gate", "none", "--out", "second", cwd=folder)
    assert " 0 artifacts computed" in done.stdout
    second = json.loads((folder / "second" / "report.json").read_text())
    made, reused = (report.pop("times")["artifacts"] for report in (first, second))
    # what a kept artifact was made of need not be read again
    assert reused.items() <= made.items()
    assert len(reused) >= len(made) - 1
    assert first == second


@pytest.mark.slow
def test_a_killed_inspection_goes_on_where_it_stopped(inspected, tmp_path):
    words = ["inspect", *QUICK, "--gate", "none"]
    store = tmp_path / "store"
    environment = os.environ | {"ROADWORTHY_STORE": str(store)}
    running = subprocess.Popen(
        [*COMMAND, *words], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(list((store / "artifacts").glob("*.safetensors"))) < 3:
        assert time.monotonic() < deadline
        assert running.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    finished = {path.name: path.stat().st_mtime_ns for path in (store / "artifacts").glob("*.s*")}
    done = roadworthy(*words, cwd=tmp_path, store=store)
    assert done.returncode == 0, done.stderr
    for name, written in finished.items():
        assert (store / "artifacts" / name).stat().st_mtime_ns == written, "computed twice"
    resumed = json.loads((tmp_path / "roadworthy-report" / "report.json").read_text())
    whole = json.loads((inspected[0] / "roadworthy-report" / "report.json").read_text())
    without_times(resumed)
    without_times(whole)
    assert resumed == whole


def without_times(report):
    """Drop what a clock says: the times, and the findings about time and memory."""
    del report["times"]
    report["findings"] = [f for f in report["findings"] if f["area"] != "resources"]


@pytest.mark.parametrize(
    ("gate", "strict", "expected"),
    [("none", False, 0), ("fail", False, 1), ("warn", False, 1), ("none", True, 3)],
)
def test_exit_codes_follow_gate_and_strict(inspected, tmp_path, gate, strict, expected):
    folder, _ = inspected
    words = ["--strict"] if strict else []
    # a policy that no model can meet, so that something fails
    policy = tmp_path / "strict.toml"
    policy.write_text("[checks.accuracy]\nmin_gain = 0.99\n")
    done = roadworthy(
        "inspect", "--only", "accuracy", "--only", "group-gaps", "--policy", policy,
        "--gate", gate, "--out", tmp_path / "out", *words, cwd=folder,
    )  # fmt: skip
    assert done.returncode == expected, done.stdout + done.stderr


def test_a_muted_finding_does_not_close_the_gate_and_the_report_says_so(inspected, tmp_path):
    policy = tmp_path / "muted.toml"
    policy.write_text(
        "[checks.accuracy]\nmin_gain = 0.99\n"
        '[[mute]]\ncode = "RW-PERF-001"\nreason = "known and accepted"\nuntil = "2999-01-01"\n'
    )
    words = ["inspect", "--only", "accuracy", "--policy", policy, "--out", tmp_path / "out"]
    assert roadworthy(*words, cwd=inspected[0]).returncode == 0
    html = (tmp_path / "out" / "report.html").read_text()
    assert "known and accepted" in html
    assert "2999-01-01" in html
    policy.write_text(policy.read_text().replace("2999", "1999"))
    assert roadworthy(*words, cwd=inspected[0]).returncode == 1


def test_a_budget_in_seconds_leaves_out_and_says_so(tmp_path):
    done = roadworthy("inspect", "--budget", "0.001", "--gate", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "roadworthy-report" / "report.json").read_text())
    reasons = [f["reason"] for f in report["findings"] if f["verdict"] == "not_assessed"]
    assert any("budget of 0.001 s" in reason for reason in reasons)


def test_a_dry_run_computes_nothing(tmp_path):
    done = roadworthy("inspect", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Predictions" in done.stdout
    assert not (tmp_path / "store" / "artifacts").exists()
    assert not (tmp_path / "roadworthy-report").exists()


def test_json_on_standard_output_is_the_report(inspected):
    words = ["inspect", "--only", "accuracy", "--json", "--out", "apart"]
    done = roadworthy(*words, cwd=inspected[0])
    assert json.loads(done.stdout)["findings"][0]["code"] == "RW-PERF-001"


def test_diff_of_a_report_with_itself_finds_nothing(inspected):
    folder, _ = inspected
    report = folder / "roadworthy-report" / "report.json"
    done = roadworthy("diff", report, report, cwd=folder)
    assert done.returncode == 0
    assert "Nothing changed." in done.stdout


def test_init_writes_a_policy_that_changes_nothing(inspected, tmp_path):
    folder, _ = inspected
    assert roadworthy("init", "--path", tmp_path / "p.toml", cwd=tmp_path).returncode == 0
    assert roadworthy("init", "--path", tmp_path / "p.toml", cwd=tmp_path).returncode == 2
    words = ["inspect", *QUICK, "--gate", "none", "--policy", tmp_path / "p.toml"]
    done = roadworthy(*words, "--out", tmp_path / "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    default = json.loads((folder / "roadworthy-report" / "report.json").read_text())
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert default["findings"] == written["findings"]


def test_help_answers_at_once_and_without_torch(tmp_path):
    words = [sys.executable, "-X", "importtime", *COMMAND, "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert not re.search(r"\| +(torch|sklearn|matplotlib|polars)$", done.stderr, re.MULTILINE)
