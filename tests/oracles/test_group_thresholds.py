"""Thresholds per group against every threshold there is, and on people whose groups differ."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import roadworthy as rw
from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.core.progress import Silent
from roadworthy.guards import GroupThresholds
from roadworthy.guards.group_thresholds import equal_rates
from roadworthy.recipes import LogisticRegression

COMPAS = Path(__file__).parents[3] / "shared" / "data" / "compas_two_years.csv.gz"


def scores(seed=0, n=4000):
    """Give log-odds, classes and two groups; the second one's scores are lower throughout."""
    random = np.random.default_rng(seed)
    group = random.random(n) < 0.4
    y = random.random(n) < np.where(group, 0.3, 0.6)
    odds = random.normal(np.where(y, 1.0, -1.0) - 1.5 * group, 1.0)
    groups = [torch.from_numpy(~group), torch.from_numpy(group)]
    return torch.from_numpy(odds), torch.from_numpy(y).long(), groups


def rate(chosen, of):
    return float(chosen[of].double().mean())


@pytest.mark.parametrize("name", ["true-positive-rate", "false-positive-rate", "selection-rate"])
def test_the_rate_is_the_same_in_all_groups(name):
    odds, y, groups = scores()
    thresholds = equal_rates(odds, y, groups, name)
    counts = {"true-positive-rate": y == 1, "false-positive-rate": y == 0}.get(name, y >= 0)
    plain = [rate(odds > 0, group & counts) for group in groups]
    equal = [
        rate(odds > threshold, group & counts)
        for threshold, group in zip(thresholds, groups, strict=True)
    ]
    assert abs(plain[0] - plain[1]) > 0.15
    assert abs(equal[0] - equal[1]) < 0.005


def test_no_common_rate_has_a_better_accuracy():
    odds, y, groups = scores()
    thresholds = equal_rates(odds, y, groups, "true-positive-rate")

    def accuracy(chosen):
        return float((chosen == (y == 1)).double().mean())

    chosen = torch.zeros_like(y, dtype=torch.bool)
    for threshold, group in zip(thresholds, groups, strict=True):
        chosen |= group & (odds > threshold)
    best = 0.0
    for target in torch.linspace(0.001, 0.999, 500, dtype=odds.dtype):
        other = torch.zeros_like(chosen)
        for group in groups:
            other |= group & (odds > odds[group & (y == 1)].quantile(1 - target))
        best = max(best, accuracy(other))
    assert accuracy(chosen) >= best - 0.003


def test_a_group_of_few_rows_keeps_the_models_threshold():
    odds, y, groups = scores(n=200)
    few = torch.zeros_like(groups[0])
    few[:5] = True
    thresholds = equal_rates(odds, y, [groups[0] & ~few, groups[1] & ~few, few], "selection-rate")
    assert thresholds[2] == 0
    assert (thresholds[:2] != 0).any()


@pytest.mark.skipif(not COMPAS.exists(), reason="the COMPAS data are not there")
def test_the_gap_between_groups_of_compas_narrows():
    columns = ["race", "age", "priors_count", "sex", "two_year_recid"]
    table = pl.read_csv(COMPAS, infer_schema_length=None)[columns]
    table = table.filter(table["race"].is_in(["African-American", "Caucasian"]))
    data = rw.make_dataset(table, "two_year_recid", split="random", sensitive=("race",))
    model = LogisticRegression().fit(data, data.train, 0, Silent())
    guarded = protect(model, GroupThresholds(), data)

    def gap(chosen):
        is_positive = data.test.y == 1
        race = data.test.columns["race"]
        shares = [
            rate(chosen == 1, is_positive & torch.from_numpy(race == name))
            for name in np.unique(race)
        ]
        return max(shares) - min(shares)

    before, after = (gap(each(data.test.x).argmax(1)) for each in (model, guarded))
    assert before > 0.15
    assert after < before / 2


def test_without_an_attribute_it_says_what_it_needs():
    data = rw.load_dataset("breast-cancer")
    model = LogisticRegression().fit(data, data.train, 0, Silent())
    with pytest.raises(InputError, match="--sensitive"):
        protect(model, GroupThresholds(), data)
