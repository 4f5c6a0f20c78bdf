import numpy as np
import pytest

from benchmarks.planted_flaws.clean import CLEAN
from benchmarks.planted_flaws.flaws import FLAWS

BY_NAME = {flaw.name: flaw for flaw in FLAWS}


def planted(name: str, strength: float, seed: int = 0):
    generator = np.random.default_rng(seed)
    flaw = BY_NAME[name]
    return flaw.plant(flaw.design.draw(generator), strength, generator)


def equal_rows(a: np.ndarray, b: np.ndarray) -> int:
    return int((a[:, None] == b[None]).all(-1).any(1).sum())


@pytest.mark.parametrize("design", CLEAN, ids=lambda design: design.name)
def test_a_clean_case_has_rows_of_every_class_in_both_splits(design):
    case = design.draw(np.random.default_rng(0))
    for part in (case.is_train, case.is_test):
        assert part.sum() >= 50
        assert case.is_number or len(np.unique(case.y[part])) == design.classes
    assert set(case.roles) == set(design.roles) - {"production"}
    assert all(len(values) == len(case.y) for values in case.columns.values())


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.name)
def test_grades_start_from_no_flaw_and_rise(flaw):
    assert flaw.grades[0] == 0
    assert list(flaw.grades) == sorted(flaw.grades)


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.name)
def test_a_case_is_not_changed_in_place(flaw):
    generator = np.random.default_rng(0)
    case = flaw.design.draw(generator)
    before = case.x.copy(), case.y.copy(), case.part.copy()
    flaw.plant(case, flaw.grades[-1], generator)
    for kept, now in zip(before, (case.x, case.y, case.part), strict=True):
        np.testing.assert_array_equal(kept, now)


@pytest.mark.parametrize(("strength", "copies"), [(0.0, 0), (0.2, 63)])
def test_the_promised_share_of_test_rows_is_copied(strength, copies):
    case = planted("exact duplicates", strength)
    assert case.is_test.sum() == 315
    assert equal_rows(case.x[case.is_test], case.x[case.is_train]) == copies


def test_near_duplicates_are_near_but_not_equal():
    case = planted("near duplicates", 0.2)
    test, train = case.x[case.is_test], case.x[case.is_train]
    assert equal_rows(test, train) == 0
    nearest = np.linalg.norm(test[:, None] - train[None], axis=-1).min(1)
    assert 60 <= (nearest < 0.1).sum() <= 70


def test_groups_overlap_only_where_planted():
    for strength, shared in ((0.0, 0.0), (0.2, 0.2)):
        case = planted("group overlap", strength)
        person = case.columns["group"]
        found = np.isin(person[case.is_test], person[case.is_train]).mean()
        assert found == pytest.approx(shared, abs=0.01)


def test_test_rows_are_the_newest_unless_planted():
    for strength, older in ((0.0, 0.0), (0.2, 0.2)):
        case = planted("temporal overlap", strength)
        day = case.columns["time"]
        assert (day[case.is_test] < 300).mean() == pytest.approx(older, abs=0.01)


def test_the_promised_share_of_labels_is_wrong():
    flaw = BY_NAME["label errors"]
    case = flaw.design.draw(np.random.default_rng(0))
    wrong = flaw.plant(case, 0.3, np.random.default_rng(1))
    assert (wrong.y != case.y).mean() == pytest.approx(0.3, abs=0.001)


def test_the_labels_of_production_rows_shift_by_the_promised_share():
    for change in (0.1, 0.4):
        case = planted("label shift", change)
        there = case.part == "production"
        assert case.y[there].mean() == pytest.approx(0.5 + change, abs=0.02)
        assert case.y[case.is_train].mean() == pytest.approx(0.5, abs=0.1)


def test_values_are_missing_more_often_in_one_class():
    case = planted("telling gaps", 0.4)
    lost = np.isnan(case.x[:, 0])
    assert lost[case.y == 1].mean() - lost[case.y == 0].mean() == pytest.approx(0.4, abs=0.1)
