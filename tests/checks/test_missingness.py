from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from roadworthy.checks.data.missingness import Missingness
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.sources import load_dataset, make_dataset
from tests.datasets import blobs, builtin, judge, shared
from tests.models import Echo


def with_gaps(follows_the_label, n=900, seed=0, target=None):
    """A table of noise in which a fifth of a column and of a category is missing."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, n)
    is_ill = y == 1
    is_lost = generator.random(n) < (np.where(is_ill, 0.05, 0.35) if follows_the_label else 0.2)
    lab = [None if lost else v for lost, v in zip(is_lost, generator.normal(size=n), strict=True)]
    other = generator.random(n) < 0.1
    word = [None if lost else "ab"[k % 2] for k, lost in enumerate(other)]
    names = np.where(is_ill, "ill", "healthy")
    frame = pl.DataFrame({"lab": lab, "word": word, "age": generator.normal(size=n)})
    return make_dataset(frame, names if target is None else target(generator, y), test=None)


def judged(data):
    return judge(Missingness(), data, Echo(2))[0]


def test_a_test_that_is_ordered_for_the_ill_only_is_found_and_named():
    finding = judged(with_gaps(follows_the_label=True))
    assert finding.verdict is Verdict.FAIL
    assert "'lab'" in finding.claim
    column, _, _, where_missing, elsewhere = finding.tables[0].rows[0]
    assert column == "lab"
    assert abs(where_missing - elsewhere) > 0.3


def test_values_missing_at_random_pass():
    for seed in range(3):
        finding = judged(with_gaps(follows_the_label=False, seed=seed))
        assert finding.verdict is Verdict.PASS
        assert "chance" in finding.claim


def test_the_skill_is_the_variance_between_the_two_parts():
    finding = judged(with_gaps(follows_the_label=True, n=6000))
    # p(missing) = 0.2, p(ill | missing) = 1/8, p(ill | known) = 0.475 / 0.8
    truth = 0.2 * 0.8 * (1 / 8 - 0.475 / 0.8) ** 2 / 0.25
    assert finding.estimate.low <= truth <= finding.estimate.high


def test_the_interval_holds_where_nothing_is_to_be_found():
    misses = sum(
        judged(with_gaps(follows_the_label=False, n=300, seed=seed)).estimate.low > 0
        for seed in range(20)
    )
    assert misses <= 2


def test_gaps_that_go_with_a_number_are_found():
    data = with_gaps(True, target=lambda generator, y: 5.0 * y + generator.normal(size=len(y)))
    finding = judged(data)
    assert finding.verdict is Verdict.FAIL
    assert finding.tables[0].columns[2] == "mean target where missing"


def test_the_mask_follows_the_rows_and_knows_of_categories():
    data = with_gaps(follows_the_label=True)
    lab, word, age = (np.flatnonzero([f.name == n for f in data.features])[0] for n in NAMES)
    assert not data.train.missing[:, age].any()
    by_word = data.train.x[:, word] == data.features[word].categories.index("missing")
    assert (data.train.missing[:, word] == by_word).all()
    picked = data.train.take(data.train.missing[:, lab])
    assert picked.missing[:, lab].all()
    total = sum(int(split.missing[:, lab].sum()) for split in data.splits)
    assert total == data.features[lab].missing


NAMES = ("lab", "word", "age")


def test_a_table_without_gaps_passes():
    assert judge(Missingness(), builtin("wine"))[0].verdict is Verdict.PASS


def test_gaps_of_unknown_rows_and_images_are_not_assessed():
    data = blobs()
    first, *rest = data.features
    with pytest.raises(NotAssessed, match="which rows"):
        judge(Missingness(), replace(data, features=(replace(first, missing=3), *rest)))
    with pytest.raises(NotAssessed, match="images"):
        judge(Missingness(), builtin("digits"))


@pytest.mark.slow
def test_on_compas_the_gaps_of_leaking_columns_are_named():
    data = load_dataset(shared("compas_two_years.csv.gz"), target="two_year_recid")
    finding = judged(data)
    assert finding.verdict is Verdict.FAIL
    assert finding.tables[0].rows[0][0].startswith(("r_", "vr_"))
