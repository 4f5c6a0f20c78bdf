import io
import json
import re
from xml.etree import ElementTree

import pytest
from rich.console import Console

from roadworthy.core.finding import Verdict
from roadworthy.core.report import Report
from roadworthy.render import FORMATS, render, terminal_summary
from roadworthy.render.characters import visible
from tests.render.example_report import HOSTILE, example_report


def terminal(report, **options):
    console = Console(file=io.StringIO(), width=100, **options)
    console.print(terminal_summary(report))
    return console.file.getvalue()


@pytest.mark.parametrize("ending", [ending for ending in FORMATS if ending != ".html"])
def test_equal_reports_give_equal_bytes(ending):
    report = example_report()
    again = Report.from_json(report.to_json())
    assert render(report, f"r{ending}") == render(again, f"r{ending}")


def test_json_comes_back_as_the_same_report():
    text = render(example_report(), "report.json")
    assert Report.from_json(text) == example_report()
    assert Report.from_json(text).to_json() == text


# JUnit


def cases(gate="fail"):
    root = ElementTree.fromstring(render(example_report(gate=gate), "report.xml"))
    return root, {case.get("name"): case for case in root.iter("testcase")}


def outcomes(gate):
    _, found = cases(gate)
    return {
        name: next((part.tag for part in case if part.tag != "system-out"), "passed")
        for name, case in found.items()
    }


def test_junit_has_a_suite_per_area_and_a_case_per_finding():
    root, found = cases()
    areas = [suite.get("name") for suite in root]
    assert areas == list(dict.fromkeys(finding.area for finding in example_report().findings))
    assert len(found) == len(example_report().findings)


def test_junit_counts_what_it_holds():
    root, _ = cases()
    for element in (root, *root):
        for count, tag in {"failures": "failure", "errors": "error", "skipped": "skipped"}.items():
            assert int(element.get(count)) == len(list(element.iter(tag)))
        assert int(element.get("tests")) == len(list(element.iter("testcase")))


@pytest.mark.parametrize(("gate", "warned"), [("fail", "passed"), ("warn", "failure")])
def test_a_warning_fails_junit_only_when_the_gate_closes_at_it(gate, warned):
    kinds = outcomes(gate)
    for finding in example_report().findings:
        expected = {
            Verdict.PASS: "passed",
            Verdict.WARN: warned,
            Verdict.FAIL: "failure",
            Verdict.ERROR: "error",
            Verdict.NOT_ASSESSED: "skipped",
        }[finding.verdict]
        name = visible(f"{finding.title} [{finding.key}]")
        assert kinds[name] == ("skipped" if finding.muted else expected)


def test_junit_shows_a_hostile_name_as_text():
    _, found = cases()
    assert any(visible(HOSTILE) in name for name in found)


# SARIF


@pytest.fixture(scope="module")
def run():
    log = json.loads(render(example_report(), "report.sarif"))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    return log["runs"][0]


def test_every_sarif_result_points_at_its_rule(run):
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result, finding in zip(run["results"], example_report().findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code


def test_a_sarif_result_has_a_level_only_when_it_is_a_problem(run):
    expected = {
        Verdict.PASS: ("pass", "none"),
        Verdict.NOT_ASSESSED: ("open", "none"),
        Verdict.WARN: ("fail", "warning"),
        Verdict.FAIL: ("fail", "error"),
        Verdict.ERROR: ("fail", "error"),
    }
    for result, finding in zip(run["results"], example_report().findings, strict=True):
        assert (result["kind"], result["level"]) == expected[finding.verdict]


def test_a_sarif_result_is_known_again_by_its_key(run):
    prints = [result["partialFingerprints"]["roadworthyFinding/v1"] for result in run["results"]]
    assert prints == [visible(finding.key) for finding in example_report().findings]


def test_a_muted_finding_is_suppressed_with_its_reason(run):
    suppressed = [result for result in run["results"] if "suppressions" in result]
    assert [result["ruleId"] for result in suppressed] == ["RW-LEAK-009"]
    suppression = suppressed[0]["suppressions"][0]
    assert suppression["kind"] == "external"
    assert suppression["justification"] == "The crop is part of the camera. (until 2027-01-31)"


def test_a_sarif_message_has_no_placeholder_and_no_link(run):
    for result in run["results"]:
        text = result["message"]["text"]
        assert text
        assert not re.search(r"[{}]", text.replace("{{", "").replace("}}", ""))
        assert "](" not in text


def test_sarif_names_what_the_report_rests_on(run):
    inspected, judged = example_report().inspected, example_report().judged
    assert run["properties"]["modelHash"] == inspected.model_hash
    assert run["properties"]["policyHash"] == judged.policy_hash
    assert run["tool"]["driver"]["version"] == judged.version
    assert run["invocations"][0]["startTimeUtc"] == "2026-03-01T09:30:00Z"
    assert run["invocations"][0]["executionSuccessful"] is False


# Markdown


@pytest.fixture(scope="module")
def prose():
    """The Markdown without its fenced code, in which nothing is markup."""
    text = render(example_report(), "report.md")
    return re.sub(r"^(`{3,})console\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)


def test_markdown_holds_no_html_no_link_and_no_code_from_the_report(prose):
    assert "<" not in prose
    assert not re.search(r"(?<!\\)\[", prose)
    assert "https://" not in prose
    assert not re.search(r"(?<!\\)`(?![0-9a-f]{64}`)(?<![0-9a-f]{64}`)", prose)


def test_every_row_of_the_markdown_table_has_five_cells(prose):
    rows = [line for line in prose.splitlines() if line.startswith("|")]
    assert len(rows) > len(example_report().findings)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


def test_a_command_with_backticks_stays_inside_its_fence():
    text = render(example_report(), "report.md")
    fences = [line for line in text.splitlines() if line.startswith("```")]
    assert len(fences) % 2 == 0
    assert f"roadworthy inspect {visible(HOSTILE)}" in text


def test_markdown_tells_every_finding_that_is_not_a_plain_pass(prose):
    for finding in example_report().findings:
        is_told = f"{finding.title}\n\n{finding.claim}" in prose
        if finding.scope != HOSTILE:
            assert is_told == (finding.verdict != Verdict.PASS or bool(finding.alarms))


# terminal


def test_the_terminal_shows_names_as_they_are_written_and_no_control_character():
    shown = terminal(example_report())
    assert "\x1b" not in shown
    assert "\x00" not in shown
    assert "[bold]x[/bold]" in shown


def test_the_terminal_has_a_line_for_every_finding():
    lines = terminal(example_report()).splitlines()
    for finding in example_report().findings:
        assert any(finding.code in line for line in lines)


def test_the_terminal_says_what_is_worst_why_and_what_to_do():
    shown = terminal(example_report())
    assert "logits hold NaN after step 3" in shown
    assert "Leave the rows out and inspect again." in shown
    assert "roadworthy inspect digits-cnn digits --without DIR/rows/RW-LEAK-004.csv\n" in shown
    assert "1 error, 2 failed, 2 warnings, 6 passed, 2 not assessed, 1 muted." in shown


def test_the_terminal_raises_the_alarm():
    assert "The test itself may not be trustworthy: Robust accuracy (l2)" in terminal(
        example_report()
    )
