import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.core.estimates import Measure, count, proportion
from roadworthy.render.numbers import cell, interval, number


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.4251, "share", "42.5%"),
        (0, "share", "0%"),
        (1, "share", "100%"),
        (-0.0314, "share", "-3.1%"),
        (0.00184, "s", "1.84 ms"),
        (12.3456, "s", "12.3 s"),
        (512, "bytes", "512 bytes"),
        (431_080, "bytes", "421 KiB"),
        (5 * 2**20, "bytes", "5 MiB"),
        (0.026834, "", "0.0268"),
        (1234.567, "", "1,235"),
        (107_770, "", "107,770"),
        (3, "pixels", "3 pixels"),
        (0.0000123, "", "1.23e-05"),
        (0, "", "0"),
    ],
)
def test_a_number_is_written_as_its_unit_asks(value, unit, shown):
    assert number(value, unit) == shown


@pytest.mark.parametrize("share", [0.0001, 0.00001, 0.9999, 0.99999, -0.0002])
def test_nearly_none_is_not_none_and_nearly_all_is_not_all(share):
    assert number(share, "share").strip("-%0.") != ""
    assert not number(share, "share").startswith("100")


@given(st.floats(-1e12, 1e12))
def test_a_plain_number_is_right_to_three_digits(value):
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=0.0051, abs=1e-300)


def test_an_estimate_is_written_with_its_interval():
    assert interval(proportion("accuracy", 45, 50)) == "90.0% [78.6%, 95.7%]"


def test_a_number_known_exactly_has_no_interval():
    assert interval(count("parameters", 107_770, 1)) == "107,770"


def test_the_largest_numbers_can_be_written():
    assert interval(Measure("x", 1e300, -1e300, 1e308, 3)) == "1e+300 [-1e+300, 1e+308]"


def test_a_whole_number_in_a_table_keeps_its_digits():
    assert [cell(2024), cell(1234.5678), cell(None), cell("a")] == ["2024", "1,235", "–", "a"]
