"""What the documentation says of defenses holds."""

import csv
import re
from pathlib import Path

import pytest

from roadworthy.workflows.defenses import DEFENSES

DOCS = Path(__file__).parents[2] / "docs"


def names_of_2020():
    with (DOCS / "data" / "defenses_2020.csv").open(encoding="utf-8") as file:
        return [row["names"] for row in csv.DictReader(file)]


def test_the_table_of_2020_has_15_defenses():
    assert len(names_of_2020()) == 15


@pytest.mark.parametrize("name", names_of_2020())
def test_every_defense_of_the_table_of_2020_is_found_by_its_name(name):
    assert DEFENSES.get(name).card.paper


@pytest.mark.parametrize("defense", list(DEFENSES), ids=DEFENSES.names())
def test_every_defense_is_in_the_overview(defense):
    assert f"[`{defense.card.name}`]" in (DOCS / "reference" / "defenses.md").read_text("utf-8")


def test_the_code_of_the_guide_to_repairs_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "how-to" / "repair.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    found: dict = {}
    exec(compile(code, "repair.md", "exec"), found)
    assert found["repaired"].changes
    assert (tmp_path / "comparison.html").exists()


def test_the_code_of_the_guide_to_ordered_classes_runs(capsys):
    text = (DOCS / "how-to" / "ordinal.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    exec(compile(code, "ordinal.md", "exec"), {})
    assert "quadratic kappa" in capsys.readouterr().out
