"""What a notebook shows of a result."""

from dataclasses import replace

import numpy as np
import pytest

from roadworthy.core.comparison import Comparison
from roadworthy.core.study import Study
from roadworthy.core.yardstick import Yardstick
from roadworthy.render.characters import visible
from tests.render.example_report import (
    HOSTILE,
    SCRIPT,
    example_report,
    grouped_figure,
    points_figure,
)
from tests.render.test_render_page import Reader

REPORT = example_report()
FINDING = next(found for found in REPORT.findings if found.figures and found.estimate)
# rows that the plain recipe gets wrong: all of them; those that the other does: none
WRONG = np.stack([np.ones((1, 2, 40)), np.zeros((1, 2, 40))])
STUDY = Study(
    f"data {HOSTILE}",
    Yardstick.ACCURACY,
    ("plain", f"other {HOSTILE}"),
    (20,),
    WRONG,
    WRONG,
    np.ones((2, 1)),
    np.full((2, 1), np.nan),
    100,
    1000,
    {f"third {HOSTILE}": f"no rows {HOSTILE}"},
)
SHOWN = {
    "report": REPORT,
    "finding": replace(FINDING, claim=HOSTILE),
    "figure": grouped_figure(),
    "study": STUDY,
    "comparison": Comparison(REPORT, REPORT),
}


def read(shown):
    return Reader(shown._repr_html_())


@pytest.mark.parametrize("name", SHOWN)
def test_a_cell_holds_no_markup_from_the_result(name):
    found = read(SHOWN[name])
    assert not found.all("script")
    assert not found.all("img")


@pytest.mark.parametrize("name", ["report", "finding", "figure", "study"])
def test_what_looks_like_markup_is_shown_as_words(name):
    assert visible(SCRIPT) in " ".join(read(SHOWN[name]).words)


def test_a_report_shows_its_outcome():
    assert "2 failed" in " ".join(read(REPORT).words)


def test_a_finding_shows_its_claim_and_draws_its_figures():
    found = read(FINDING)
    assert visible(FINDING.claim) in " ".join(found.words)
    assert len(found.all("svg")) == len(FINDING.figures)


def test_a_study_shows_what_it_says_and_a_row_for_each_training():
    found = read(STUDY)
    assert visible(STUDY.sentence) in found.words
    assert len(found.all("tr")) == 1 + len(STUDY.names)
    assert "better" in found.words


def test_a_comparison_shows_what_changed_and_a_row_for_each_finding():
    shown = Comparison(REPORT, REPORT)
    found = read(shown)
    assert Comparison.unchanged in found.words
    assert len(found.all("tr")) == 1 + len(shown.changes)


def test_the_ids_of_two_charts_do_not_meet():
    cells = (read(points_figure()), read(STUDY.figure))
    ids = [{part["id"] for _, part in cell.elements if "id" in part} for cell in cells]
    assert all(ids)
    assert not ids[0] & ids[1]
