import dataclasses

import pytest

from roadworthy.core.estimates import proportion
from roadworthy.core.finding import Finding, Threshold, Verdict, compare
from roadworthy.core.report import SCHEMA, Inspected, Judged, Report, Times
from roadworthy.workflows.diff import Change, diff


def report(*findings, model_hash="a"):
    return Report(
        SCHEMA,
        Inspected("m", model_hash, "d", "b", "nominal", (), (1,), (), {}, "", ()),
        Judged("defaults", "c", "fail", 0, "standard", "0", "e", ""),
        findings,
        Times("", 0.0, {}, {}),
    )


def finding(right, n=100, *, good="above", limit=0.5, code="RW-PERF-001"):
    estimate, threshold = proportion("share", right, n), Threshold("limit", limit, good, "test")
    verdict = compare(estimate, threshold)
    return Finding(code, "", "performance", "c", "C", verdict, "It is.", "", estimate, threshold)


def change(before, after):
    (entry,) = diff(report(before), report(after)).entries
    return entry.change


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (finding(95), finding(95), Change.SAME),
        (finding(95), finding(93), Change.SAME),  # the intervals overlap
        (finding(95), finding(70), Change.WORSE),  # both pass, yet beyond doubt lower
        (finding(70), finding(95), Change.BETTER),
        (finding(95), finding(20), Change.WORSE),
        (finding(20), finding(50), Change.BETTER),
        (finding(20, good="below"), finding(70, good="below"), Change.WORSE),
    ],
)
def test_a_change_counts_when_the_verdict_or_the_intervals_part(before, after, expected):
    assert change(before, after) is expected


def test_what_was_judged_once_only_is_neither_better_nor_worse():
    unjudged = dataclasses.replace(finding(95), verdict=Verdict.NOT_ASSESSED, estimate=None)
    assert change(finding(95), unjudged) is Change.UNSURE
    assert change(unjudged, unjudged) is Change.SAME


def test_findings_of_one_report_only_are_new_or_gone():
    one, other = finding(95), finding(20, code="RW-PERF-002")
    entries = diff(report(one), report(other)).entries
    assert [entry.change for entry in entries] == [Change.NEW, Change.GONE]


def test_a_new_failure_is_worse_and_a_new_pass_is_not():
    assert diff(report(), report(finding(20))).worse
    assert not diff(report(), report(finding(95))).worse


def test_another_model_is_said_to_be_another():
    assert diff(report(), report(model_hash="z")).subject == ("the model is not the same",)
