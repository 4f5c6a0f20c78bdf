import ast
from pathlib import Path

import numpy as np
import pytest

from benchmarks.active import BUDGET, area, compare, first
from roadworthy.queries import QUERIES

FOLDER = Path(__file__).parents[2] / "benchmarks" / "active_libraries"


@pytest.mark.parametrize(("start", "rounds"), [(10, 20), (2, 21)])
def test_the_area_of_a_flat_curve_is_its_height(start, rounds):
    assert area([0.7] * rounds, start) == pytest.approx(0.7)


def test_early_labels_count_more_than_late_ones():
    early, late = [0.5] * 20, [0.5] * 20
    early[1], late[18] = 0.6, 0.6
    assert area(early, 10) > area(late, 10)
    assert BUDGET == 200


def test_the_first_labels_are_of_two_classes_at_least():
    y = np.array([0] * 99 + [1])
    for seed in range(5):
        assert set(y[first(y, 2, np.random.default_rng(seed))]) == {0, 1}


def test_gains_are_those_over_random_picks_under_the_same_seeds():
    common = {"library": "roadworthy", "data": "digits", "start": 10, "seconds": 0.1}
    rows = [
        common | {"method": "margin", "area": [0.8, 0.7, 0.9]},
        common | {"method": "random", "area": [0.7, 0.6, 0.95]},
        common | {"method": "entropy", "failed": "it ended"},
    ]
    found = compare(rows)
    assert [row["method"] for row in found] == ["margin", "random"]
    assert found[0]["gain"][0] == pytest.approx(0.05)
    assert found[0]["wins"][0] == pytest.approx(2 / 3, abs=1e-4)
    assert found[1]["gain"][0] == 0


def test_peers_do_without_this_package_and_their_methods_are_ours():
    for file in FOLDER.glob("of_*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert "roadworthy" not in {(name or "").partition(".")[0] for name in names}
        keys = [
            key.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Dict)
            for key in node.keys
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        ]
        assert any(key in QUERIES for key in keys)
