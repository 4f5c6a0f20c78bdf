import json
from dataclasses import replace

import jsonschema
import pytest

from roadworthy.core.errors import InputError
from roadworthy.core.estimates import Measure, count, proportion
from roadworthy.core.finding import (
    Alarm,
    Examples,
    Figure,
    Finding,
    Mute,
    Picture,
    Remedy,
    Series,
    Table,
    Threshold,
    Verdict,
)
from roadworthy.core.report import (
    SCHEMA,
    Inspected,
    Judged,
    Report,
    Times,
    json_schema,
    read_report,
)


def full_finding():
    """A finding that uses every field."""
    share = proportion("share", 3, 10)
    series = Series("line", (1.0, 2.0), (0.1, 1 / 3), (0.0, 0.3), (0.2, 0.4))
    bars = Series("bars", ("a", "ö"), (0.1, 0.2))
    return Finding(
        code="RW-X-001",
        scope="linf",
        area="robustness",
        check="x",
        title="X (linf)",
        verdict=Verdict.FAIL,
        claim="It does.",
        reason="because",
        estimate=share,
        threshold=Threshold("max_x", 0.1, "below", "default: a rule"),
        measures=(share, count("rows", 12, 12)),
        figures=(
            Figure("line", "t", "w", "x", "y", (series,), True, ((0.5, "here"),), "log", (0, 1)),
            Figure("bar", "t", "w", "x", "y", (bars,)),
        ),
        tables=(Table("t", ("a", "b", "c", "d"), (("x", 0.1, 2, None),)),),
        examples=(
            Examples(
                "worst",
                (("test", 3), ("train", 1)),
                ("far", "near"),
                (Picture("a picture", 2, 1, 1, b"\x00\xff"),),
                Table("rows", ("a",), ((1.5,),)),
                7,
            ),
        ),
        remedies=(Remedy("do", "roadworthy inspect MODEL DATA"),),
        alarms=(Alarm("name", "text"),),
        references=("arxiv:1",),
        muted=Mute("RW-X-001", "known", "2027-01-31"),
    )


def finding(verdict, code="RW-X-002", muted=None):
    return Finding(code, "", "area", "check", "title", verdict, "It does.", muted=muted)


def report_of(*findings):
    inspected = Inspected(
        model="m",
        model_hash="1",
        dataset="d",
        dataset_hash="2",
        task="nominal",
        offers=("labels",),
        input_shape=(1, 8, 8),
        classes=("a", "ß"),
        splits={"train": 7, "test": 3},
        origin="random",
        notes=("a note",),
    )
    judged = Judged("defaults", "3", "fail", 0, "standard", "0.1.0", "4", "roadworthy inspect m d")
    times = Times("2027-01-01T00:00:00Z", 1.5, {"predictions": 0.1}, {"system": "Linux"})
    return Report(SCHEMA, inspected, judged, findings, times)


FULL = report_of(full_finding(), finding(Verdict.NOT_ASSESSED))


def test_a_report_is_read_back_as_it_was_and_written_to_the_same_bytes():
    text = FULL.to_json()
    again = Report.from_json(text)
    assert again == FULL
    assert again.to_json() == text


def test_equal_reports_give_equal_bytes():
    whole = replace(finding(Verdict.PASS), measures=(Measure("rows", 3, 3, 3, 3),))
    other = replace(finding(Verdict.PASS), measures=(Measure("rows", 3.0, 3.0, 3.0, 3),))
    assert report_of(whole) == report_of(other)
    assert report_of(whole).to_json() == report_of(other).to_json()


def test_a_report_from_before_answers_were_kept_is_still_read():
    table = json.loads(FULL.to_json())
    del table["declared"]
    assert Report.from_json(json.dumps(table)) == FULL


def test_the_schema_accepts_a_report():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(FULL.to_json()), schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("key", "value"), [("verdict", "maybe"), ("claim", 3), ("estimate", {"name": "share"})]
)
def test_the_schema_refuses_what_reading_refuses(key, value):
    table = json.loads(FULL.to_json())
    table["findings"][0][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(table, json_schema(), jsonschema.Draft202012Validator)
    with pytest.raises(InputError, match="the report is damaged"):
        Report.from_json(json.dumps(table))


@pytest.mark.parametrize("schema", ["roadworthy-report/0", "roadworthy-report/2", None, 1])
def test_a_report_of_another_schema_is_refused(schema):
    table = json.loads(FULL.to_json()) | {"schema": schema}
    with pytest.raises(InputError, match="this version reads 'roadworthy-report/1'"):
        Report.from_json(json.dumps(table))


@pytest.mark.parametrize("text", ["", "{", "not json"])
def test_what_is_not_json_is_refused(text):
    with pytest.raises(InputError, match="the report is not JSON"):
        Report.from_json(text)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"words"', "{}"])
def test_json_that_is_no_report_is_refused(text):
    with pytest.raises(InputError, match="the report's schema is None"):
        Report.from_json(text)


def test_a_truncated_report_is_refused():
    text = FULL.to_json()
    with pytest.raises(InputError, match="not JSON"):
        Report.from_json(text[: len(text) // 2])


def test_reading_names_the_file(tmp_path):
    missing, damaged = tmp_path / "missing.json", tmp_path / "damaged.json"
    damaged.write_text("{", encoding="utf-8")
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\xff")
    for path in (missing, damaged, binary):
        with pytest.raises(InputError, match=path.name):
            read_report(path)


def test_a_report_is_found_in_its_folder(tmp_path):
    with pytest.raises(InputError, match="cannot read the report"):
        read_report(tmp_path)
    (tmp_path / "report.json").write_text(FULL.to_json(), encoding="utf-8")
    assert read_report(tmp_path) == FULL


def test_the_worst_come_first_and_muted_ones_last():
    mute = Mute("RW-X-002", "known", "2027-01-31")
    verdicts = ("pass", "fail", "not_assessed", "error", "warn")
    findings = [finding(Verdict.ERROR, muted=mute), *map(finding, map(Verdict, verdicts))]
    order = [f.verdict for f in report_of(*findings).worst]
    assert order == ["error", "fail", "warn", "not_assessed", "pass", "error"]


def test_equally_bad_findings_keep_their_order():
    findings = [finding(Verdict.WARN, code) for code in ("RW-X-003", "RW-X-001", "RW-X-002")]
    codes = [f.code for f in report_of(*findings).worst]
    assert codes == ["RW-X-003", "RW-X-001", "RW-X-002"]


def test_every_verdict_is_counted():
    assert FULL.counts == {
        Verdict.PASS: 0,
        Verdict.NOT_ASSESSED: 1,
        Verdict.WARN: 0,
        Verdict.FAIL: 1,
        Verdict.ERROR: 0,
    }


def test_only_times_differ_between_equal_inspections():
    later = replace(FULL, times=replace(FULL.times, started="2028-01-01T00:00:00Z", seconds=9.0))
    one, other = json.loads(FULL.to_json()), json.loads(later.to_json())
    assert one.pop("times") != other.pop("times")
    assert one == other
