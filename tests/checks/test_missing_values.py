from dataclasses import replace

import pytest

from roadworthy.checks.data.missing_values import MissingValues
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, builtin, judge


def with_missing(n):
    data = blobs(n=300)
    first, *rest = data.features
    return replace(data, features=(replace(first, missing=n), *rest))


def test_a_column_with_a_tenth_missing_is_named():
    (finding,) = judge(MissingValues(), with_missing(30))
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == pytest.approx(0.1)
    assert "'column 0'" in finding.claim


def test_a_hundredth_missing_passes_and_is_still_told():
    (finding,) = judge(MissingValues(), with_missing(3))
    assert finding.verdict is Verdict.PASS
    assert "3 of 300" in finding.claim


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_it_is_silent_on_a_clean_set(name):
    (finding,) = judge(MissingValues(), builtin(name))
    assert finding.verdict is Verdict.PASS


def test_images_are_not_assessed():
    with pytest.raises(NotAssessed, match="images"):
        judge(MissingValues(), builtin("digits"))
