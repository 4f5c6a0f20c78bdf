import re
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib
import pytest

from roadworthy.core.finding import Figure, Series
from roadworthy.render.characters import visible
from roadworthy.render.charts import draw
from tests.render.example_report import FIGURES, HOSTILE, bar_figure, log_figure

NAMESPACE = "{http://www.w3.org/2000/svg}"


def parts(svg, tag):
    return list(ElementTree.fromstring(svg).iter(NAMESPACE + tag))


def words(svg):
    return [part.text for part in parts(svg, "text")]


@pytest.fixture(scope="module")
def drawn():
    return {name: draw(figure, f"the-{n}") for n, (name, figure) in enumerate(FIGURES.items())}


@pytest.mark.parametrize("name", FIGURES)
def test_every_kind_of_figure_is_an_image_with_a_title_and_a_description(name, drawn):
    root = ElementTree.fromstring(drawn[name])
    title, text = root[0], root[1]
    assert (title.text, text.text) == (visible(FIGURES[name].title), visible(FIGURES[name].text))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {text.get('id')}"


@pytest.mark.parametrize("name", FIGURES)
def test_every_color_is_a_variable_of_the_page(name, drawn):
    without_fallbacks = re.sub(r"var\(--[\w-]+, #\w{6}\)", "", drawn[name])
    assert not re.search(r"(fill|stroke): (#|rgb)", without_fallbacks)


def test_no_two_figures_share_an_id(drawn):
    ids = [found for svg in drawn.values() for found in re.findall(r' id="([^"]*)"', svg)]
    assert len(ids) == len(set(ids))
    for svg in drawn.values():
        pointed_at = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg)
        assert {a or b for a, b in pointed_at} <= set(ids)


def test_a_figure_is_the_same_text_whatever_style_the_user_has_set(drawn):
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "svg.hashsalt": None}):
        assert draw(FIGURES["line"], "the-0") == drawn["line"]


def test_drawing_leaves_the_users_style_alone():
    with matplotlib.rc_context({"font.size": 30}):
        draw(FIGURES["points"])
        assert matplotlib.rcParams["font.size"] == 30


def test_nothing_in_a_figure_says_when_or_by_what_it_was_drawn(drawn):
    for svg in drawn.values():
        assert "metadata" not in svg
        assert "matplotlib" not in svg.replace("matplotlib.axis", "")
        assert not svg.startswith("<?xml")
        assert "<style" not in svg


def test_every_point_is_drawn(drawn):
    markers = [part for part in parts(drawn["points"], "use") if "chart-1" in part.get("style")]
    assert len(markers) == 6


def test_a_hundred_classes_all_have_their_names(drawn):
    assert {f"class {k}" for k in range(100)} <= set(words(drawn["many bars"]))


def test_three_hundred_classes_have_as_many_names_as_there_is_room_for():
    named = [word for word in words(draw(bar_figure(300))) if word.startswith("class ")]
    assert 50 <= len(named) <= 110


def test_long_words_on_an_axis_of_lines_are_thinned_out():
    names = tuple(f"a rather long category {k}" for k in range(40))
    figure = replace(
        log_figure(), x_scale="linear", marks=(), series=(Series("s", names, (0.5,) * 40),)
    )
    assert len([word for word in words(draw(figure)) if word.startswith("a rather")]) <= 3


def test_a_point_at_zero_stays_on_a_logarithmic_axis():
    series = Series("accuracy", (0.0, 0.01, 0.1, 1.0), (0.9, 0.8, 0.5, 0.1))
    svg = draw(replace(log_figure(), kind="points", series=(series,), marks=()))
    assert len([part for part in parts(svg, "use") if "chart-1" in part.get("style")]) == 4


def test_the_dose_on_a_logarithmic_axis_is_written_as_a_plain_number(drawn):
    assert {"100", "1,000"} <= set(words(drawn["log"]))


def test_close_values_on_an_axis_stay_apart():
    series = Series("accuracy", (0.0, 1.0), (0.99951, 0.99963))
    labels = words(draw(replace(log_figure(), x_scale="linear", series=(series,), marks=())))
    assert len(labels) == len(set(labels))


def test_a_name_is_shown_as_it_is_written(drawn):
    shown = " ".join(words(drawn["grouped"]))
    assert "group $x_" in shown
    assert "share $\\frac" in shown
    assert "_D" in shown
    assert "_false positives" in shown
    assert "<script" not in drawn["grouped"]
    assert "<img" not in drawn["grouped"]


def test_a_figure_without_data_is_drawn_empty():
    empty = Figure("line", "nothing", "nothing", "x", "y", ())
    assert parts(draw(empty), "path")


def test_categories_that_read_alike_are_not_merged():
    series = Series("s", (HOSTILE + "a", HOSTILE + "b"), (0.1, 0.9))
    figure = replace(bar_figure(2), series=(series,))
    bars = [p for p in parts(draw(figure), "path") if "chart-1" in (p.get("style") or "")]
    assert len(bars) == 2


def test_long_names_of_axes_leave_room_for_the_data():
    long = "a name without an end " * 40
    series = tuple(Series(long + str(k), (0.0, 1.0), (0.1, 0.9)) for k in range(12))
    figure = replace(log_figure(), series=series, marks=(), x_label=long, y_label="x" * 300)
    assert len(parts(draw(figure), "text")) < 60  # a chart that collapses warns, which fails here
