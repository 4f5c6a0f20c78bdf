from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.artifacts.feature_importance import (
    FeatureImportance,
    correlated,
    donors_of,
    parts_of,
)
from roadworthy.checks.methodology.reliance import Reliance
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, builtin, judge, table
from tests.models import LinearModel, Logistic


def importance(data, model):
    request = FeatureImportance(5000)
    return Bench(Subject(model, data), Store(None)).get_for((request,))(request)


def weighed(*weights, n=6000, noise=0.5, task=Task.REGRESSION):
    """A linear truth of independent columns, and the model that knows it."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, len(weights)))
    y = x @ np.array(weights) + noise * generator.normal(size=n)
    weight = torch.tensor(weights)[:, None]
    data = table(x, y if task == Task.REGRESSION else y > 0, np.arange(n) >= n // 3, task=task)
    if task == Task.REGRESSION:
        return data, LinearModel(weight, torch.zeros(1), (len(weights),), task)
    return data, LinearModel(torch.cat([-weight, weight], 1), torch.zeros(2), (len(weights),))


def people(weight, seed=0):
    """Two columns that count, and a sex that the model heeds by a weight."""
    generator = np.random.default_rng(seed)
    sex = generator.integers(0, 2, 1500)
    x = np.column_stack([generator.normal(size=(1500, 2)), sex])
    data = table(
        x,
        x[:, 0] + x[:, 1] > 0,
        np.arange(1500) >= 500,
        names=("age", "income", "sex"),
        columns={"sex": sex},
        roles=Roles(sensitive=("sex",)),
    )
    weights = torch.tensor([1.0, 1.0, weight])[:, None]
    return data, LinearModel(torch.cat([-weights, weights], 1), torch.zeros(2), (3,))


def test_importance_in_a_linear_model_is_twice_the_variance_that_a_column_explains():
    data, model = weighed(2.0, 1.0, 0.0)
    found = importance(data, model)
    # e_switch - e_orig of Fisher et al. 2019 for independent columns; the rest is sampling
    assert found.increase.mean(1) == pytest.approx([8.0, 2.0, 0.0], abs=0.5)
    assert found.increase[2].abs().max() == 0


def test_every_row_gets_another_rows_part_and_each_is_given_once():
    donors = donors_of(50, 5, 0)
    assert (donors != torch.arange(50)).all()
    assert (donors.sort(1).values == torch.arange(50)).all()
    assert (donors[0] != donors[1]).any()


def test_columns_that_follow_each_other_are_one_group_whichever_way_they_point():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 500))
    x = np.column_stack([a, b, -np.exp(a), np.ones(500)])
    group = correlated(x)
    assert group[0] == group[2]
    assert len(set(group)) == 3


def test_a_twin_hides_a_column_but_not_their_group():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 1200)
    base = 2 * y + generator.normal(size=1200)
    x = np.column_stack([base, base, generator.normal(size=1200)])
    data = table(x, y, np.arange(1200) % 2)
    found = importance(data, Logistic(data.train, 2))
    assert found.parts.tolist()[-1] == [True, True, False]
    alone, _, _, together = found.increase.mean(1).tolist()
    assert together > 2 * alone


def test_parts_of_an_image_cover_it_twice():
    parts = parts_of(builtin("digits"))
    assert len(parts) == 18
    assert (parts[:16].sum(0) == 1).all()
    assert (parts[16:].sum(0) == 1).all()
    assert parts[16].sum() == 28


def test_a_model_that_hangs_on_one_column_is_caught():
    data, model = weighed(1.0, 0.1, task=Task.NOMINAL)
    (finding,) = judge(Reliance(), data, model)
    assert finding.verdict is not Verdict.PASS
    assert "'column 0'" in finding.claim
    assert finding.estimate.low < 0 < finding.estimate.high


def test_a_regression_loses_the_share_of_variance_that_a_column_explains():
    data, model = weighed(2.0, 1.0)
    (finding,) = judge(Reliance(), data, model)
    # of 4 + 1 + 0.25 the model leaves 0.25, and 4.25 without the first column
    assert finding.estimate.low <= 4.25 - 5.25 <= finding.estimate.high
    assert finding.verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["digits", "wine", "breast-cancer"])
def test_it_is_silent_on_a_clean_set(name):
    verdicts = {finding.verdict for finding in judge(Reliance(), builtin(name))}
    assert verdicts == {Verdict.PASS}


def test_the_chosen_column_does_not_look_better_than_it_is():
    data, model = weighed(*[0.3] * 40, n=600, noise=1.0)
    (finding,) = judge(Reliance(), data, model)
    # the variance explained is 40 x 0.09, of which one column has 0.09
    assert finding.estimate.low <= 0.09 - 3.6 <= finding.estimate.high


def test_a_model_that_heeds_the_sex_is_caught():
    parts, sex = judge(Reliance(), *people(weight=1.0))
    assert sex.verdict is Verdict.FAIL
    assert "'sex'" in sex.claim
    assert parts.verdict is Verdict.PASS


def test_a_model_that_has_the_sex_and_does_not_heed_it_passes():
    _, sex = judge(Reliance(), *people(weight=0.0))
    assert sex.verdict is Verdict.PASS
    assert sex.estimate.high == 0


def test_a_token_in_the_corner_is_caught():
    data = builtin("digits")
    marked = []
    for split in data.splits:
        x = split.x.clone()
        x[torch.arange(len(x)), 0, 0, :] = 0.0
        x[torch.arange(len(x)), 0, 0, split.y % 8] = 8.0
        marked.append(replace(split, x=x))
    stamped = replace(data, splits=tuple(marked))
    _, rim = judge(Reliance(), stamped)
    assert rim.verdict is Verdict.FAIL


def test_a_guess_is_not_assessed():
    data = blobs()
    (finding,) = judge(Reliance(), data, LinearModel(torch.zeros(4, 2), torch.zeros(2), (4,)))
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "cannot be told from a guess" in finding.reason


def test_a_sex_that_a_useless_model_heeds_is_caught_all_the_same():
    data, model = people(weight=1.0)
    shuffled = tuple(
        replace(split, y=split.y[torch.randperm(len(split), generator=torch.manual_seed(0))])
        for split in data.splits
    )
    parts, sex = judge(Reliance(), replace(data, splits=shuffled), model)
    assert parts.verdict is Verdict.NOT_ASSESSED
    assert sex.verdict is Verdict.FAIL


def test_patches_are_laid_out_as_they_lie():
    """Only the second patch of the third row of patches tells the class."""
    generator = np.random.default_rng(0)
    y = np.arange(600) % 2
    images = generator.random((600, 1, 8, 8)) * 0.5
    images[:, 0, 4:6, 2:4] += 0.5 * y[:, None, None]
    data = table(images, y, np.arange(600) % 3 == 0)
    (_, layout) = judge(Reliance(), data)[0].tables
    matters = np.array([row[1:] for row in layout.rows])
    assert np.unravel_index(matters.argmax(), (4, 4)) == (2, 1)
    assert layout.rows[2][0] == "3 down"
    assert np.sort(matters, axis=None)[-2] < 0.1 * matters.max()
