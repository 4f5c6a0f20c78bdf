import dataclasses
import re
import tomllib
from dataclasses import replace
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.checks import CHECKS
from roadworthy.core.declared import Declared
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import exact_proportion, proportion
from roadworthy.core.finding import Finding, Verdict
from roadworthy.render import FORMS
from roadworthy.render.characters import visible
from roadworthy.render.standards import (
    Item,
    Standard,
    Status,
    answers,
    counts,
    items_for,
    must_know,
)
from roadworthy.render.standards.answers import JUDGMENTS
from roadworthy.render.standards.facts import FACTS
from roadworthy.render.standards.standard import DATED, FILES, of_kind, standards
from tests.render.example_report import HOSTILE, SCRIPT, example_report

DOCUMENTS = ("annex-iv", "model-card", "datasheet")
MAPPED = [s for s in standards().values() if s.kind == "framework" or s.id == "ANNEX-IV"]
ALL = [pytest.param(standard, id=standard.id) for standard in standards().values()]


def declared_report():
    """The example with an answer to every item, each of which tries to break the page."""
    answered = (*of_kind("checklist"), *of_kind("document"))
    given = (Declared(s.name(i), HOSTILE, SCRIPT, "2026-11-20") for s in answered for i in s.items)
    return replace(example_report(), declared=tuple(given))


# the data files


@pytest.mark.parametrize("name", FILES)
def test_a_data_file_has_no_key_that_nobody_reads(name):
    folder = resources.files("roadworthy.render.standards") / DATED
    table = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    assert set(table) <= {part.name for part in dataclasses.fields(Standard)}
    known = {part.name for part in dataclasses.fields(Item)}
    assert all(set(item) <= known for item in table["items"])


def test_every_data_file_is_read():
    folder = resources.files("roadworthy.render.standards") / DATED
    assert {path.name for path in folder.iterdir()} == {f"{name}.toml" for name in FILES}


@pytest.mark.parametrize("standard", ALL)
def test_an_item_names_only_what_there_is(standard):
    ids = [item.id for item in standard.items]
    assert len(ids) == len(set(ids))
    codes, areas = {check.code for check in CHECKS}, {check.area for check in CHECKS}
    for item in standard.items:
        assert set(item.codes) <= codes
        assert set(item.areas) <= areas
        assert set(item.facts) <= set(FACTS)


@pytest.mark.parametrize("standard", [pytest.param(s, id=s.id) for s in MAPPED])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_every_check_speaks_to_an_item_of_each_framework_or_is_said_not_to(check, standard):
    is_mapped = any(item.is_about(check.code, check.area) for item in standard.items)
    is_left_out = bool({check.code, check.area} & set(standard.not_about))
    assert is_mapped != is_left_out


@pytest.mark.parametrize(
    ("standard", "number"), [("CLAIM", 44), ("PROBAST+AI", 16 + 18), ("REFORMS", 32)]
)
def test_a_checklist_has_as_many_items_as_its_authors_gave_it(standard, number):
    assert len(standards()[standard].items) == number


@pytest.mark.parametrize(
    ("check", "item"),
    [
        ("accuracy", "NIST-AI-RMF:MEASURE-2.3"),
        ("corruption-robustness", "NIST-AI-RMF:MEASURE-2.5"),
        ("robust-accuracy", "NIST-AI-RMF:MEASURE-2.7"),
        ("membership-inference", "NIST-AI-RMF:MEASURE-2.10"),
        ("group-gaps", "NIST-AI-RMF:MEASURE-2.11"),
        ("robust-accuracy", "EU-AI-ACT:15(5)"),
        ("accuracy", "ANNEX-IV:2(g)"),
        ("near-duplicates", "KAPOOR:L1.4"),
        ("leaking-features", "KAPOOR:L2"),
        ("temporal-overlap", "KAPOOR:L3.1"),
        ("group-overlap", "KAPOOR:L3.2"),
        ("source-confounding", "KAPOOR:L3.3"),
        ("distribution-shift", "KAPOOR:L3.3"),
    ],
)
def test_a_check_supports_documentation_for_the_item_that_asks_for_it(check, item):
    assert item in items_for(CHECKS.get(check).code, CHECKS.get(check).area)


# answers


def found(code, area, verdict):
    is_judged = verdict in JUDGMENTS
    return Finding(
        code,
        f"{verdict}",
        area,
        "x",
        f"{code} {verdict}",
        verdict,
        "It was looked at.",
        reason="" if is_judged else "it does not apply",
        estimate=proportion("share", 3, 10) if is_judged else None,
    )


kinds = [(check.code, check.area) for check in CHECKS]
findings = st.lists(
    st.tuples(st.sampled_from(kinds), st.sampled_from(list(Verdict))), unique=True, max_size=12
).map(lambda drawn: tuple(found(*kind, verdict) for kind, verdict in drawn))


@given(findings)
def test_an_item_that_nothing_was_measured_for_never_looks_measured(drawn):
    report = example_report(drawn)
    for standard in of_kind("checklist"):
        for answer in answers(standard, report):
            item = answer.item
            about = [f for f in drawn if f.area in item.areas or f.code in item.codes]
            judged = [f for f in about if f.verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL)]
            if not judged and not any(FACTS[name](report) for name in item.facts):
                assert answer.status is Status.NOT_ASSESSED
                assert answer.is_open
            if item.still or len(judged) < len(about):
                assert answer.status is not Status.MEASURED


@given(findings)
def test_a_checklist_page_shows_no_verdict_under_an_item_that_is_not_assessed(drawn):
    page = FORMS["checklist"](example_report(drawn))
    for block in re.split(r"\n(?=- \*\*|#)", page):
        if "**NOT ASSESSED**" in block:
            assert not re.search("[✓▲✗]", block)


@given(findings)
def test_a_document_says_where_a_person_must_go_on(drawn):
    report = example_report(drawn)
    for form, name in zip(DOCUMENTS, ("ANNEX-IV", "MODEL-CARD", "DATASHEET"), strict=True):
        open_items = [a for a in answers(standards()[name], report) if a.is_open]
        assert FORMS[form](report).count("_To be completed (") == len(open_items)


def test_a_failed_finding_is_measured_and_shown_as_failed():
    report = example_report((found("RW-DATA-004", "data", Verdict.FAIL),))
    answer = next(a for a in answers(standards()["REFORMS"], report) if a.item.id == "3f")
    assert answer.status is Status.MEASURED
    assert "- ✗ fail: RW-DATA-004 fail; share 30.0%" in FORMS["checklist"](report)


def test_a_declared_answer_is_shown_as_declared_with_who_and_when():
    answer = Declared("CLAIM:8", "All adults.", "A. Nurse", "2026-11-20")
    report = replace(example_report(), declared=(answer,))
    before, after = (counts(answers(standards()["CLAIM"], r)) for r in (example_report(), report))
    assert after[Status.DECLARED] == before[Status.DECLARED] + 1
    assert after[Status.NOT_ASSESSED] == before[Status.NOT_ASSESSED] - 1
    said = "Declared, not measured (A. Nurse, 2026-11-20): All adults."
    assert said in FORMS["checklist"](report)
    assert said in FORMS["html"](report)


def test_declaring_an_item_that_was_measured_does_not_hide_the_measurement():
    report = replace(example_report(), declared=(Declared("CLAIM:28", "All is well."),))
    answer = next(a for a in answers(standards()["CLAIM"], report) if a.item.id == "28")
    assert answer.status is Status.PARTLY
    assert answer.judged


def test_an_answer_to_an_unknown_item_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="did you mean CLAIM:7"):
        must_know((Declared("claim:7", "x"),))
    with pytest.raises(InputError, match="items are called CLAIM:…"):
        must_know((Declared("?", "x"),))


# pages


@pytest.mark.parametrize("form", [*DOCUMENTS, "checklist"])
def test_no_page_claims_that_a_requirement_is_met(form):
    said = FORMS[form](example_report()).casefold()
    assert not re.search("complian|conform|certif(y|ied) that|fulfil|satisf", said)


@pytest.mark.parametrize("form", [*DOCUMENTS, "checklist"])
def test_what_a_report_says_never_becomes_markdown(form):
    text = FORMS[form](declared_report())
    body = text.partition("\n---\n")[2] if text.startswith("---") else text
    prose = re.sub(r"^(`{3,})console\n.*?\n\1$", "", body, flags=re.DOTALL | re.MULTILINE)
    assert "<" not in prose
    assert not re.search(r"(?<!\\)\[", prose)
    assert "https://e.vil" not in prose
    assert not re.search(r"(?<!\\)`(?![0-9a-f]{64}`)(?<![0-9a-f]{64}`)", prose)


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_measurement_has_value_interval_n_and_method(form):
    finding = example_report().findings[0] if form != "datasheet" else None
    finding = finding or replace(
        found("RW-DATA-004", "data", Verdict.PASS), estimate=exact_proportion("missing", 3, 10)
    )
    measure = finding.estimate
    text = FORMS[form](example_report((finding,)))
    cells = next(line for line in text.splitlines() if line.startswith(f"| {measure.name} |"))
    assert len(re.findall(r"(?<!\\)\|", cells)) == 6
    assert str(measure.n) in cells
    assert measure.method in cells
    assert "Roadworthy 0.1.0" in text
    assert example_report().inspected.model_hash in text


def test_a_document_without_measurements_says_so():
    text = FORMS["model-card"](example_report(()))
    assert "## Measurements\n\nThere are none." in text
    assert "model-index" not in text


GOLDEN = """\
### Information that is missing

- ✓ pass: Values that are missing; share missing 20.0% \\[5.7%, 51.0%\\], n = 10 (RW-DATA-004)

_To be completed (DATASHEET:missing): why it is missing_

### Relations between instances

- ○ not assessed: One group in both splits; no group column is named (RW-LEAK-003)

_To be completed (DATASHEET:relations): which instances belong together_
"""


def test_a_section_of_a_datasheet_reads_as_written_here():
    missing = replace(
        found("RW-DATA-004", "data", Verdict.PASS),
        scope="",
        title="Values that are missing",
        estimate=proportion("share missing", 2, 10),
    )
    group = replace(
        found("RW-LEAK-003", "methodology", Verdict.NOT_ASSESSED),
        scope="",
        title="One group in both splits",
        reason="no group column is named",
    )
    assert GOLDEN in FORMS["datasheet"](example_report((missing, group)))


def test_the_page_counts_the_answers_of_every_checklist_and_links_to_the_findings():
    text = FORMS["html"](example_report())
    for standard in of_kind("checklist"):
        number = counts(answers(standard, example_report()))
        said = " · ".join(f"{n} {status}" for status, n in number.items() if n)
        assert re.sub(r"\s+", " ", said) in re.sub(r"\s+", " ", text)
    assert '<a href="#RW-PRIV-001">✓ pass: Membership inference' in text


# front matter


def front_matter(report):
    yaml = pytest.importorskip("yaml", reason="mkdocs, which brings a YAML parser, is missing")
    text = FORMS["model-card"](report)
    return yaml.safe_load(text.split("---\n")[1])


def test_the_front_matter_is_yaml_with_one_result_per_estimate():
    report = example_report()
    table = front_matter(report)
    assert table["tags"] == ["roadworthy"]
    assert set(table) == {"tags", "model-index"}
    (index,) = table["model-index"]
    assert index["name"] == report.inspected.model
    (result,) = index["results"]
    assert result["task"] == {"type": "image-classification"}
    assert result["dataset"] == {"type": "digits", "name": "digits", "split": "test"}
    values = [metric["value"] for metric in result["metrics"]]
    assert report.findings[0].estimate.value in values
    assert all(isinstance(value, float) for value in values)
    assert all({"type", "value", "name"} == set(metric) for metric in result["metrics"])


def test_the_front_matter_has_results_only_where_something_was_measured():
    unknown = found("RW-PERF-001", "performance", Verdict.NOT_ASSESSED)
    broken = found("RW-ROB-001", "robustness", Verdict.ERROR)
    assert front_matter(example_report((unknown, broken))) == {"tags": ["roadworthy"]}


def test_license_and_languages_are_in_the_front_matter_when_they_were_declared():
    given = (
        Declared("MODEL-CARD:license", "apache-2.0"),
        Declared("MODEL-CARD:language", "de, en"),
    )
    table = front_matter(replace(example_report(), declared=given))
    assert table["license"] == "apache-2.0"
    assert table["language"] == ["de", "en"]


def test_hostile_names_stay_texts_in_the_front_matter():
    report = declared_report()
    evil = f'"\n---\nlicense: mit\u2028{HOSTILE}'
    report = replace(report, inspected=replace(report.inspected, model=evil, dataset=evil))
    table = front_matter(report)
    assert table["license"] == visible(HOSTILE)
    name = table["model-index"][0]["name"]
    assert name == re.sub(r"\s+", " ", visible(evil))


@pytest.mark.parametrize("value", [1e-05, 1e22, -1e-07, 0.5, 3.0])
def test_a_number_in_the_front_matter_is_read_as_a_number(value):
    measure = replace(proportion("share", 3, 10), value=value, low=value, high=value)
    finding = replace(found("RW-PERF-001", "performance", Verdict.PASS), estimate=measure)
    metrics = front_matter(example_report((finding,)))["model-index"][0]["results"][0]["metrics"]
    assert metrics[0]["value"] == value
