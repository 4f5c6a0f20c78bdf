import numpy as np
import polars as pl
import pytest

from roadworthy.checks.broken_text import flaws, spelled_alike, without_flaws, without_mojibake
from roadworthy.checks.data.text_encoding import TextEncoding
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.sources import load_dataset, make_dataset
from tests.datasets import builtin, judge, shared, table
from tests.models import Echo

PROPER = [
    "Zürich",
    "Ärzte",
    "l’été",
    "“CAFÉ”",
    "À propos…",
    "MANHÃS",
    "Straße 5 – Süd",
    "20 °C ± 1",
    "Москва",
    "東京",
    "می‌خواهم",
    "👩‍⚕️",
    "R&D",
    "AT&T; B",
    "Self-emp-not-inc",
    "<=50K",
    "",
]


@pytest.mark.parametrize("text", PROPER)
def test_proper_text_is_left_alone(text):
    assert flaws(text) == ()
    assert without_flaws(text) == text


@pytest.mark.parametrize("text", [text for text in PROPER if not text.isascii()])
def test_utf_8_read_as_windows_1252_is_undone(text):
    raw = text.encode("utf-8")
    broken = "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in raw)
    assert "read in a wrong encoding" in flaws(broken)
    assert without_mojibake(broken) == text


def test_it_is_undone_as_often_as_it_was_done_and_beside_proper_letters():
    twice = "ä".encode().decode("cp1252").encode().decode("cp1252")
    assert without_mojibake(twice) == "ä"
    assert without_mojibake("Größe, GrÃ¶ÃŸe") == "Größe, Größe"


@pytest.mark.parametrize(
    ("text", "what", "meant"),
    [
        ("Z\ufffdrich", "characters lost in reading", "Z\ufffdrich"),
        ("R&amp;D", "HTML entities", "R&D"),
        ("5&#176;", "HTML entities", "5°"),
        ("yes\u200b", "invisible characters", "yes"),
        ("very\u00a0good", "invisible characters", "very good"),
        ("\ufeffage", "invisible characters", "age"),
    ],
)
def test_each_kind_of_broken_text_is_named_and_mended(text, what, meant):
    assert flaws(text) == (what,)
    assert without_flaws(text) == meant


def test_spellings_are_grouped_and_different_words_are_not():
    words = ["Self emp", "self-emp", "SELF_EMP ", "e\u0301tat", "état", "<=50K", "<=50K.", "b", "c"]
    assert spelled_alike(words) == [words[:3], words[3:5], words[5:7]]
    assert spelled_alike(["-1", "1", "+1", "a-", "a", "köln", "koln", ".", ".."]) == []


def cities(words):
    n = 300
    frame = pl.DataFrame(
        {
            "city": np.resize(words, n),
            "age": np.arange(n) % 70,
            "site": np.resize(["north", "south"], n),
            "y": np.resize(["no", "yes"], n),
        }
    )
    return make_dataset(frame, "y", environment="site")


def judged(words):
    return judge(TextEncoding(), cities(words), Echo(2))


def test_a_clean_table_passes():
    assert {f.verdict for f in judged(["Zürich", "Bern", "Genève"])} == {Verdict.PASS}


def test_a_category_read_in_a_wrong_encoding_is_shown_as_it_was_meant():
    encoding, spelling = judged(["Zürich", "ZÃ¼rich", "Bern"])
    assert encoding.verdict is Verdict.FAIL
    assert encoding.tables[0].rows == (
        ("column 'city'", "'ZÃ¼rich'", "read in a wrong encoding", "'Zürich'", 100),
    )
    assert spelling.verdict is Verdict.FAIL  # mended, it is a second spelling


def test_a_category_in_two_spellings_is_named_with_its_rows():
    encoding, spelling = judged(["Bern", "bern ", "Genève"])
    assert encoding.verdict is Verdict.PASS
    assert spelling.tables[0].rows == (("column 'city'", "'Bern', 'bern '", "100, 100"),)


def test_classes_and_environments_are_looked_at():
    data = table(
        np.zeros((8, 1)), np.arange(8) % 2, np.arange(8) > 3, classes=("cat", "Cat"), names=("x",)
    )
    _, spelling = judge(TextEncoding(), data, Echo(2))
    assert spelling.tables[0].rows[0][0] == "classes"


@pytest.mark.parametrize("name", ["wine", "breast-cancer", "digits"])
def test_it_is_silent_on_a_clean_set(name):
    verdicts = {f.verdict for f in judge(TextEncoding(), builtin(name), Echo(2))}
    assert verdicts == {Verdict.PASS}


def test_images_with_a_number_as_target_have_no_words():
    data = table(np.zeros((6, 1, 2, 2)), np.arange(6.0), np.arange(6) > 3, task=Task.REGRESSION)
    with pytest.raises(NotAssessed, match="no names"):
        judge(TextEncoding(), data, Echo(2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "target"), [("adult_train", "income"), ("compas_two_years", "two_year_recid")]
)
def test_adult_and_compas_have_sound_words(name, target):
    data = load_dataset(shared(f"{name}.csv.gz"), target=target)
    assert {f.verdict for f in judge(TextEncoding(), data, Echo(2))} == {Verdict.PASS}
