"""What the documentation says of attacks holds."""

import csv
import re
from pathlib import Path

import pytest

from roadworthy.attacks import ATTACKS

DOCS = Path(__file__).parents[2] / "docs"
TABLE = DOCS / "data" / "evasion_attacks_2020.csv"


def names_of_2020():
    with TABLE.open(encoding="utf-8") as file:
        return [name for row in csv.DictReader(file) for name in row["names"].split(";")]


def test_the_table_of_2020_has_34_attacks():
    with TABLE.open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 34


@pytest.mark.parametrize("name", names_of_2020())
def test_every_attack_of_the_table_of_2020_is_found_by_its_name(name):
    assert ATTACKS.get(name).card.paper


@pytest.mark.parametrize("attack", list(ATTACKS), ids=ATTACKS.names())
def test_every_attack_has_a_page_with_a_picture(attack):
    folder = DOCS / "reference" / "attacks"
    page = (folder / f"{attack.card.name}.md").read_text(encoding="utf-8")
    assert f"pictures/{attack.card.name}.png" in page
    assert (folder / "pictures" / f"{attack.card.name}.png").stat().st_size > 100


def test_the_code_of_the_guide_to_attacks_runs():
    text = (DOCS / "how-to" / "attack.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    found: dict = {}
    exec(compile(code, "attack.md", "exec"), found)
    assert 0 < float(found["result"].success.float().mean()) < 1
