import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Finding, Threshold, Verdict, compare
from roadworthy.render.strip import WIDTH, strip
from tests.render.example_report import example_report

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def judged(low, value, high, limit, good="below"):
    estimate = Measure("x", value, low, high, 10)
    threshold = Threshold("most", limit, good, "a test")
    return Finding(
        code="RW-X-001",
        scope="",
        area="test",
        check="x",
        title="x",
        verdict=compare(estimate, threshold),
        claim="",
        estimate=estimate,
        threshold=threshold,
    )


@given(st.lists(NUMBERS, min_size=3, max_size=3).map(sorted), NUMBERS)
def test_the_parts_stand_on_the_strip_in_the_order_of_their_numbers(ends, limit):
    shown = strip(judged(*ends, limit))
    places = [shown.low, shown.value, shown.high, shown.limit]
    assert all(0 <= place <= WIDTH for place in places)
    by_number = sorted(zip([*ends, limit], places, strict=True))
    assert [place for _, place in by_number] == sorted(places)


def test_a_failed_interval_lies_outside_the_good_side():
    finding = judged(0.2, 0.3, 0.4, 0.1)
    assert finding.verdict == Verdict.FAIL
    shown = strip(finding)
    assert shown.good == (0, shown.limit)
    assert shown.low > shown.limit


@pytest.mark.parametrize("missing", ["estimate", "threshold"])
def test_without_an_estimate_or_a_limit_there_is_no_strip(missing):
    findings = example_report().findings
    assert all(strip(f) is None for f in findings if getattr(f, missing) is None)
