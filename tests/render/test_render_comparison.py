import re
from dataclasses import replace

import pytest

from roadworthy.core.comparison import Comparison, Effect
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import Measure, count, exact_proportion, proportion
from roadworthy.core.finding import Alarm, Figure, Finding, Series, Threshold, Verdict
from roadworthy.core.report import Report
from roadworthy.render.characters import visible
from roadworthy.render.charts import draw_overlay
from roadworthy.render.comparison_page import MEANINGS, page
from roadworthy.render.overlay import Side, overlays
from roadworthy.render.pair import pair
from roadworthy.render.strip import WIDTH
from tests.render.example_report import FIGURES, HOSTILE, example_report, points_figure
from tests.render.test_render_page import Reader


def finding(code, right, **changes):
    made = Finding(
        code, "", "robustness", "x", f"Robust {code}", Verdict.PASS, f"{right} of 100 stay right.",
        estimate=proportion("robust accuracy", right, 100),
        threshold=Threshold("least", 0.5, "above", "a test"),
    )  # fmt: skip
    return replace(made, **changes)


def later() -> Report:
    """Give the example as another model would have it: one of each effect."""
    changed = {
        "RW-ROB-001:linf": exact_proportion("robust accuracy", 118, 120),
        "RW-CAL-001": Measure("expected calibration error", 0.3, 0.25, 0.35, 360, "share"),
    }
    findings = [
        replace(each, estimate=changed.get(each.key, each.estimate))
        for each in example_report().findings
    ]
    return example_report((*findings, finding("RW-X-001", 90)))


@pytest.fixture(scope="module")
def compared():
    alarmed = finding("RW-X-002", 95, alarms=(Alarm("blind", "The attack saw no gradient."),))
    lost = finding("RW-X-003", 90, verdict=Verdict.NOT_ASSESSED, estimate=None, reason="no rows")
    before = example_report(
        (*example_report().findings, finding("RW-X-002", 20), finding("RW-X-003", 90))
    )
    return Comparison(before, example_report((*later().findings, alarmed, lost)))


@pytest.fixture(scope="module")
def text(compared):
    return page(compared)


@pytest.fixture(scope="module")
def read(text):
    return Reader(text)


def said(read):
    return re.sub(r"\s+", " ", " ".join(read.words))


def test_every_effect_has_its_word_and_its_meaning(compared, read):
    assert {change.effect for change in compared.changes} == set(Effect)
    for effect, meaning in MEANINGS.items():
        assert effect in read.words
        assert meaning in said(read)


def test_both_estimates_are_there_with_their_intervals(text):
    for ends in ("[33.5%, 51.9%]", "[94.1%, 99.8%]"):
        assert ends in text


def test_the_sentence_the_claims_and_the_alarms_are_on_the_page(compared, read):
    words = said(read)
    assert compared.sentence in [re.sub(r"\s+", " ", word) for word in read.words]
    for change in compared.changes:
        for side in (change.before, change.after):
            for sentence in (side.claim, *(alarm.text for alarm in side.alarms)):
                assert re.sub(r"\s+", " ", visible(sentence)) in words
    assert "A test after the change may not be trustworthy" in words


def test_what_only_one_inspection_has_is_named_with_its_side(read):
    assert "after only: pass 90 of 100 stay right." in said(read)


def test_another_dataset_is_said_to_be_another_and_another_model_is_not(compared):
    assert "More than the model" not in page(compared)
    inspected = replace(compared.after.inspected, dataset_hash="z", model_hash="y")
    shown = page(Comparison(compared.before, replace(compared.after, inspected=inspected)))
    assert "The dataset is not the same: a change may come from that." in said(Reader(shown))


def test_a_hostile_name_never_becomes_markup(read):
    assert not read.all("script")
    assert not read.all("img")
    names = {name for _, attributes in read.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert visible(HOSTILE) in " ".join(read.words)


def test_the_page_names_no_address_outside_itself(read):
    targets = [a.get("href") or a.get("src") for _, a in read.elements if "href" in a or "src" in a]
    assert all(target.startswith(("#", "data:")) for target in targets)
    policy = next(meta["content"] for meta in read.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_every_link_leads_somewhere_and_no_id_is_there_twice(read):
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for _, a in read.elements if a.get("href", "").startswith("#")]
    assert set(links) <= set(ids)


def test_equal_reports_give_equal_pages_of_a_small_size(compared, text):
    assert page(compared) == text
    assert len(text.encode()) < 2**19


def test_a_full_page_leaves_charts_out_and_says_so(compared):
    shown = page(compared, most_bytes=20_000)
    assert re.search(r"\d+ charts were left out", said(Reader(shown)))
    assert "This chart was left out" in shown


def test_two_reports_without_a_common_finding_have_a_page():
    shown = page(Comparison(example_report(()), example_report(())))
    assert "share no finding" in shown
    assert "Nothing changed beyond chance." in shown


def test_a_comparison_is_saved_as_a_page_and_as_nothing_else(tmp_path):
    nothing = Comparison(example_report(()), example_report(()))
    path = nothing.save(tmp_path / "comparison.html")
    assert path.read_text(encoding="utf-8") == page(nothing)
    with pytest.raises(InputError, match=r"comparison\.pdf.*\.html"):
        nothing.save(tmp_path / "comparison.pdf")


def test_lines_of_both_reports_lie_in_one_chart_and_know_their_side():
    (overlay,) = overlays([FIGURES["line"]], [FIGURES["line"]])
    assert [series.name for series in overlay.figure.series] == [
        "before: projected gradient descent",
        "after: projected gradient descent",
        "before: random noise",
        "after: random noise",
    ]
    assert overlay.sides == (Side(False, 0), Side(True, 0), Side(False, 1), Side(True, 1))


def test_bars_of_two_rates_become_a_chart_for_each_rate():
    names = [[s.name for s in o.figure.series] for o in overlays([rates()], [rates()])]
    assert names == [["before", "after"]] * 2
    assert [o.figure.title for o in overlays([rates()], [rates()])] == [
        "Rates: selected",
        "Rates: missed",
    ]


def rates():
    series = tuple(Series(name, ("a", "b"), (0.1, 0.2)) for name in ("selected", "missed"))
    return Figure("bar", "Rates", "Rates.", "group", "share", series)


def test_what_was_proven_otherwise_is_paired_with_what_is_proven_now():
    old, new = proof("bounds"), proof("votes")
    (overlay,) = overlays([old], [new])
    assert [series.name for series in overlay.figure.series][:2] == [
        "before: proven by bounds",
        "after: proven by votes",
    ]


def proof(way):
    series = (Series(f"proven by {way}", (0, 1), (1, 0)), Series("left", (0, 1), (1, 0.5)))
    return Figure("line", "Proof", ".", "size", "accuracy", series)


def test_what_only_repeats_the_diagonal_is_left_out():
    figure = points_figure()
    x = figure.series[0].x
    with_ideal = replace(figure, series=(*figure.series, Series("ideal", x, x)))
    (overlay,) = overlays([with_ideal], [with_ideal])
    assert [series.name for series in overlay.figure.series] == ["before", "after"]


def test_charts_about_something_else_are_not_laid_over_each_other():
    assert not overlays([FIGURES["line"]], [replace(FIGURES["line"], y_label="loss")])
    assert not overlays([FIGURES["line"]], [FIGURES["step"]])


def test_before_is_dashed_and_after_is_not():
    (overlay,) = overlays([FIGURES["log"]], [FIGURES["log"]])
    lines = re.findall(r'style="(fill: none;[^"]*)"', draw_overlay(overlay))
    drawn = {
        name: "dasharray" in style for style in lines for name in re.findall(r"--(chart-\d)", style)
    }
    assert drawn == {"chart-1": False, "chart-2": True}


def test_a_small_difference_looks_small_because_the_scale_holds_0():
    shown = pair(count("size", 100, 1), count("size", 99, 1))
    assert shown.before.value - shown.after.value < WIDTH / 50
    assert shown.zero < shown.after.value


def test_a_pair_says_in_words_what_it_shows():
    shown = pair(proportion("x", 20, 100), None, Threshold("least", 0.5, "above", "a test"))
    assert shown.after is None
    assert shown.text == "before 20.0% [13.3%, 28.9%]; it should be at least 50.0%"
