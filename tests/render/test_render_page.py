import base64
import hashlib
import itertools
import random
import re
import struct
import subprocess
import sys
import zlib
from html.parser import HTMLParser

import pytest

from roadworthy.core.errors import InputError
from roadworthy.core.finding import Examples, Finding, Picture, Verdict
from roadworthy.core.report import Report
from roadworthy.render import render
from roadworthy.render.characters import visible
from roadworthy.render.html import page
from roadworthy.render.png import png
from tests.render.example_report import COLORS, HOSTILE, PICTURE, example_report

VOID = {"meta", "link", "img", "input", "br"}


class Reader(HTMLParser):
    """Collects a page's elements, words and ids, and checks that elements close in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def text():
    return page(example_report())


@pytest.fixture(scope="module")
def read(text):
    return Reader(text)


def with_pictures(number):
    shade = Picture("shade", 40, 40, 3, random.Random(0).randbytes(4800))
    parts = [(Examples(f"rows {k}", (("test", k),), pictures=(shade,)),) for k in range(number)]
    findings = tuple(
        Finding(f"RW-X-{k:03}", "", "data", "x", "x", Verdict.FAIL, "x", examples=part)
        for k, part in enumerate(parts)
    )
    return example_report((*findings, example_report().findings[1]))


def test_every_finding_is_on_the_page_with_all_that_it_says(read):
    words = re.sub(r"\s+", " ", " ".join(read.words))
    for finding in example_report().findings:
        said = [finding.title, finding.key, finding.claim, finding.reason]
        said += [remedy.text for remedy in finding.remedies]
        said += [remedy.command for remedy in finding.remedies]
        said += [alarm.text for alarm in finding.alarms]
        said += [measure.name for measure in finding.measures]
        said += [table.title for table in finding.tables]
        said += [example.title for example in finding.examples]
        said += [figure.text for figure in finding.figures]
        said += list(finding.references)
        for sentence in said:
            assert re.sub(r"\s+", " ", visible(sentence)) in words


def test_what_a_report_says_never_becomes_markup(read):
    assert len(read.all("script")) == 1
    assert all(image["src"].startswith("data:image/png;") for image in read.all("img"))
    names = {name for _, attributes in read.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert visible(HOSTILE) in " ".join(read.words)


def test_the_page_allows_its_own_script_and_nothing_else(text, read):
    policy = next(meta["content"] for meta in read.all("meta") if "http-equiv" in meta)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")


def test_the_page_names_no_address_but_those_of_its_references(read):
    targets = [a.get("href") or a.get("src") for _, a in read.elements if "href" in a or "src" in a]
    outside = [target for target in targets if not target.startswith(("#", "data:"))]
    assert outside
    assert all(re.match(r"https://(arxiv\.org/abs|doi\.org)/", target) for target in outside)


def test_every_link_on_the_page_leads_somewhere(read):
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for _, a in read.elements if a.get("href", "").startswith("#")]
    assert set(links) <= set(ids)


def test_headings_go_down_one_level_at_a_time(read):
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    steps = itertools.pairwise(levels)
    assert all(after <= before + 1 for before, after in steps)


def test_the_outcome_is_a_sentence(read):
    said = "1 error, 2 failed, 2 warnings, 6 passed, 2 not assessed, 1 muted."
    assert said in read.words


@pytest.mark.parametrize(("gate", "state"), [("fail", "closed"), ("warn", "closed"), ("none", "")])
def test_the_page_says_what_the_gate_does(gate, state):
    shown = page(example_report(example_report().findings[:1], gate))
    assert ("it is open" in shown) == (gate != "none")
    closed = page(example_report(example_report().findings[3:4], gate))
    assert ("it is closed" in closed) == bool(state)


def test_equal_reports_give_equal_pages(text):
    assert page(Report.from_json(example_report().to_json())) == text


def test_a_page_within_the_limit_leaves_nothing_out(text):
    assert "left out" not in text
    assert page(example_report(), most_bytes=len(text.encode())) == text


def test_a_large_page_leaves_out_pictures_from_the_end_and_says_so():
    report = with_pictures(10)
    whole = page(report)
    limit = len(whole.encode()) - 20_000
    shown = page(report, most_bytes=limit)
    assert len(shown.encode()) <= limit
    kept = re.findall(r"data:image/png", shown)
    assert 0 < len(kept) < 10
    assert "rows 0" in shown.split("data:image/png")[0]
    assert f"{10 - len(kept)} pictures and 0 figures at its end were left out" in " ".join(
        Reader(shown).words
    )


def test_a_larger_page_leaves_out_figures_after_all_pictures():
    shown = page(with_pictures(10), most_bytes=10_000)
    assert "10 pictures and 1 figures" in " ".join(Reader(shown).words)
    assert "data:image/png" not in shown
    assert "This figure was left out" in shown


def test_ten_thousand_rows_do_not_make_a_large_page():
    rows = tuple(("train", k) for k in range(10_000))
    finding = Finding(
        "RW-X-001", "", "data", "x", "x", Verdict.FAIL, "x", examples=(Examples("rows", rows),)
    )
    shown = page(example_report((finding,)))
    assert len(shown) < 60_000
    assert "9900 more are in the report’s JSON" in shown


def test_a_report_without_findings_has_a_page():
    assert "Nothing was checked" in page(example_report(())).replace("nothing", "Nothing")


@pytest.mark.parametrize("picture", [PICTURE, COLORS])
def test_a_picture_keeps_every_pixel(picture):
    data = png(picture)
    width, height, depth, color = struct.unpack(">IIBB", data[16:26])
    assert (width, height, depth) == (picture.width, picture.height, 8)
    assert color == {1: 0, 3: 2}[picture.channels]
    size = struct.unpack(">I", data[33:37])[0]
    rows = zlib.decompress(data[41 : 41 + size])
    stride = 1 + width * picture.channels
    assert b"".join(rows[k + 1 : k + stride] for k in range(0, len(rows), stride)) == picture.pixels


def test_a_picture_with_missing_pixels_is_refused():
    with pytest.raises(InputError, match="damaged"):
        png(Picture("x", 3, 3, 1, b"12345678"))


def test_an_unknown_ending_is_answered_with_the_known_ones():
    with pytest.raises(InputError, match=r"'report\.pdf'.*\.html, \.json, \.md, \.sarif, \.xml"):
        render(example_report(), "report.pdf")


def test_a_report_is_saved_in_the_format_of_its_name(tmp_path):
    path = example_report(()).save(tmp_path / "report.HTML")
    assert path.read_text(encoding="utf-8") == page(example_report(()))


@pytest.mark.slow
def test_a_report_without_figures_needs_no_drawing_library():
    code = "import sys, roadworthy.render; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
