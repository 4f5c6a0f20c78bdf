import json

import pytest

from roadworthy.cli.catalog import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_list_and_show_know_every_kind(kind, command):
    entries = json.loads(command("list", kind, "--json")[1])
    assert all({"name", "aliases", "title", "summary"} <= set(entry) for entry in entries)
    assert all(entry["summary"].endswith((".", "?")) for entry in entries)
    code, page, _ = command("show", kind, entries[0]["name"].upper())
    assert code == 0
    assert entries[0]["summary"] in page


def test_show_takes_a_singular_an_alias_and_a_code(command):
    by_alias, by_name = command("show", "attack", "MADRY"), command("show", "attacks", "pgd")
    assert by_alias == by_name
    assert "accuracy" in command("show", "check", "rw-perf-001")[1]
    assert command("show", "query", "QBC") == command("show", "queries", "query-by-committee")


def test_show_as_json_holds_the_page_and_the_parameters(command):
    entry = json.loads(command("show", "check", "calibration", "--json")[1])
    assert "What it does" in entry["page"]
    assert entry["parameters"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "attack", "pdg"], "did you mean pgd"),
        (["show", "weather", "rain"], "there is no kind"),
        (["list", "weather"], "there is no kind"),
    ],
)
def test_an_unknown_name_is_answered_by_a_sentence(words, says, command):
    code, _, err = command(*words)
    assert code == 2
    assert says in err
