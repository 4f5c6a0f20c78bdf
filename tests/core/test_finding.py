import itertools
import math

import pytest

from roadworthy.core.estimates import Measure
from roadworthy.core.finding import (
    SEVERITY,
    Finding,
    Series,
    Threshold,
    Verdict,
    compare,
    compare_gain,
)

LIMIT = 0.5


def judge(low, high, good):
    measure = Measure("share", (low + high) / 2, low, high, 10)
    return compare(measure, Threshold("limit", LIMIT, good, "here"))


@pytest.mark.parametrize(
    ("low", "high", "below", "above"),
    [
        (0.1, 0.4, "pass", "fail"),
        (0.6, 0.9, "fail", "pass"),
        (0.4, 0.6, "warn", "warn"),
        (0.1, 0.5, "pass", "warn"),  # touching the limit is within it
        (0.5, 0.9, "warn", "pass"),
        (0.5, 0.5, "pass", "pass"),
        (0.6, 0.6, "fail", "pass"),
        (0.4, 0.4, "pass", "fail"),
    ],
)
def test_an_interval_is_judged_by_where_it_lies(low, high, below, above):
    assert judge(low, high, "below") == below
    assert judge(low, high, "above") == above


def test_a_wider_interval_is_never_surer():
    ends = [0.1, 0.3, 0.5, 0.7, 0.9]
    for a, b, c, d in itertools.combinations_with_replacement(ends, 4):
        for good in ("below", "above"):
            if judge(a, d, good) != "warn":
                assert judge(b, c, good) == judge(a, d, good)


def test_what_was_not_assessed_is_worse_than_a_pass():
    order = sorted(Verdict, key=SEVERITY.__getitem__)
    assert order == ["pass", "not_assessed", "warn", "fail", "error"]


def test_a_figure_holds_only_finite_numbers():
    with pytest.raises(AssertionError, match="line"):
        Series("line", (1.0,), (math.nan,))


@pytest.mark.parametrize("ends", [(0.6, 0.9), (0.1, 0.4), (math.nan, 1.0), (0.0, math.inf)])
def test_a_measure_lies_within_its_finite_interval(ends):
    with pytest.raises(AssertionError):
        Measure("share", 0.5, *ends, n=10)


def test_the_key_is_code_and_scope():
    finding = Finding("RW-X-001", "", "area", "check", "title", Verdict.PASS, "claim")
    assert finding.key == "RW-X-001"
    scoped = Finding("RW-X-001", "linf", "area", "check", "title", Verdict.PASS, "claim")
    assert scoped.key == "RW-X-001:linf"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.0, 0.0, Verdict.FAIL),
        (-0.1, 0.0, Verdict.FAIL),
        (-0.1, 0.1, Verdict.WARN),
        (0.0, 0.1, Verdict.WARN),
        (0.01, 0.1, Verdict.PASS),
    ],
)
def test_what_gains_nothing_does_not_pass(low, high, verdict):
    gain = Measure("gain", (low + high) / 2, low, high, 100)
    assert compare_gain(gain, Threshold("least gain", 0.0, "above", "here")) is verdict
