from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.artifacts.source_labelers import (
    LEAST,
    SourceLabelers,
    SourceLabelersValue,
    comparable,
)
from roadworthy.checks.data.label_consistency import LabelConsistency
from roadworthy.checks.label_panel import LabelPanel
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, judge, numbers, table
from tests.models import LinearModel, Logistic

SITES = np.array(["north", "south"])


def hospitals(n=900, turned=0.0, classes=2, noise=0.1, seed=0, group=None):
    """Rows of two sites that label by the angle of a point; the south's angles are turned."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 2))
    site = generator.integers(0, 2, n)
    angle = np.arctan2(x[:, 1], x[:, 0]) + turned * site
    y = np.floor((angle % (2 * np.pi)) / (2 * np.pi) * classes).astype(int)
    wrong = generator.random(n) < noise
    y[wrong] = generator.integers(0, classes, wrong.sum())
    columns = {"site": SITES[site]}
    if group is not None:
        columns["patient"] = np.arange(n) // group
    roles = Roles(environment="site", group=None if group is None else "patient")
    return table(x, y, np.arange(n) % 3 == 0, columns=columns, roles=roles)


def test_labels_that_mean_something_else_elsewhere_are_found():
    (finding,) = judge(LabelConsistency(), hospitals(turned=np.pi / 2))
    assert finding.verdict is Verdict.FAIL
    between, within = finding.measures[:2]
    assert within.low > 0.8
    # a quarter turn of a half plane: classifiers agree on half of the rows, as by chance
    assert between.value == pytest.approx(0, abs=0.15)
    assert finding.examples[0].total > 50
    assert "north: class" in finding.examples[0].details[0]


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_mean_the_same_pass(seed):
    (finding,) = judge(LabelConsistency(), hospitals(seed=seed))
    assert finding.verdict is Verdict.PASS
    assert finding.estimate.value == pytest.approx(1, abs=0.1)


def test_weak_classifiers_judge_nothing():
    (finding,) = judge(LabelConsistency(), hospitals(noise=1.0))
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "too weak" in finding.reason


def test_halves_that_agree_as_by_chance_give_no_ratio():
    data = hospitals()
    given = torch.tensor([[[[0, 0, 1, 1], [0, 1, 0, 1]]] * 2])  # half of the rows alike
    value = SourceLabelersValue(torch.arange(4), given, (0, 1), ("north", "south"), 9)
    subject = Subject(Logistic(data.train, 2), data)
    with pytest.raises(NotAssessed, match="not defined"):
        LabelPanel(subject, value, 0).agreement()


def test_the_label_that_is_disputed_is_named():
    generator = np.random.default_rng(0)
    n = 1500
    y = generator.integers(0, 4, n)
    x = np.eye(4)[y] * 4 + generator.normal(size=(n, 4))
    site = generator.integers(0, 2, n)
    swap = (site == 1) & (y >= 2)
    label = np.where(swap, 5 - y, y)  # the south calls 2 what the north calls 3
    data = table(
        x,
        label,
        np.arange(n) % 3 == 0,
        columns={"site": SITES[site]},
        roles=Roles(environment="site"),
        classes=("a", "b", "c", "d"),
    )
    (finding,) = judge(LabelConsistency(), data)
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.name.endswith((", c", ", d"))
    ratio = {row[0]: row[5] for row in finding.tables[0].rows}
    assert min(ratio["a"], ratio["b"]) > 0.9
    assert max(ratio["c"], ratio["d"]) < 0.3
    assert finding.claim.endswith(("'c' is the least consistent.", "'d' is the least consistent."))
    right = finding.tables[2].rows[0]
    assert right[2] > right[4] + 0.3  # right on its own rows, not on the other site's


def test_many_rows_of_one_patient_stay_in_one_half_and_widen_the_interval():
    (finding,) = judge(LabelConsistency(), hospitals(group=5))
    assert "cluster bootstrap" in finding.estimate.method
    assert finding.verdict is Verdict.PASS


def stamped(data):
    splits = tuple(replace(split, x=torch.cat([split.x, stamp(split)], 1)) for split in data.splits)
    return replace(data, splits=splits, features=(*data.features, data.features[0]))


def test_disagreement_is_not_judged_where_the_input_tells_the_source():
    (apart,) = judge(LabelConsistency(), stamped(hospitals(turned=np.pi / 2)))
    assert apart.verdict is Verdict.NOT_ASSESSED
    assert "tells the source by the input" in apart.reason
    (alike,) = judge(LabelConsistency(), stamped(hospitals()))
    assert alike.verdict is Verdict.PASS


def test_inputs_that_differ_under_a_curved_truth_are_no_finding():
    generator = np.random.default_rng(0)
    site = generator.integers(0, 2, 900)
    x = generator.normal(size=(900, 2))
    x[:, 0] += 1.5 * site
    y = (x[:, 1] + x[:, 0] ** 2 > 1.2).astype(int)  # the same rule in both
    roles = Roles(environment="site")
    data = table(x, y, np.arange(900) % 3 == 0, columns={"site": SITES[site]}, roles=roles)
    (finding,) = judge(LabelConsistency(), data)
    assert finding.verdict is Verdict.NOT_ASSESSED


def stamp(split):
    return torch.from_numpy((split.columns["site"] == "north") * 1.0).float()[:, None]


def test_every_classifier_learns_from_as_many_rows_of_each_class():
    data = hospitals(classes=3)
    rare = torch.from_numpy(
        (data.train.columns["site"] == "north") | (np.arange(len(data.train)) % 4 == 0)
    )
    data = replace(data, splits=(data.train.take(rare), data.test))
    subject = Subject(Logistic(data.train, 3), data)
    value = Bench(subject, Store(None)).get_for((SourceLabelers(),))(SourceLabelers())
    south = data.train.take(torch.from_numpy(data.train.columns["site"] == "south"))
    assert value.per_class == int(torch.bincount(south.y).min()) // 2
    assert value.sources == ("north", "south")
    assert value.labels.shape == (10, 2, 2, len(data.test))


def test_sources_without_shared_labels_are_left_out():
    y = np.array([0, 1, 2] * 100)
    site = np.array(["a", "b", "c", "d"])[np.arange(300) // 75]
    y[site == "d"] = 2
    data = table(
        np.zeros((300, 2)),
        y,
        np.arange(300) % 2,
        columns={"site": site},
        roles=Roles(environment="site"),
    )
    sources, classes = comparable(data)
    assert set(sources) == {"a", "b", "c"}
    assert classes == (0, 1, 2)


@pytest.mark.slow
def test_the_interval_holds_the_ratio_of_sources_that_label_alike():
    held = []
    for seed in range(40):
        (finding,) = judge(LabelConsistency(), hospitals(seed=seed))
        held.append(finding.estimate.low <= 1 <= finding.estimate.high)
    # 0.95 less two standard errors; half-samples are a little wide
    assert np.mean(held) >= 0.88


def test_what_it_cannot_judge_is_not_assessed():
    with pytest.raises(NotAssessed, match="--environment"):
        judge(LabelConsistency(), blobs())
    apart = hospitals(n=200)
    columns = {"site": np.where(apart.train.y == 0, "north", "south")}
    apart = replace(apart, splits=(replace(apart.train, columns=columns), apart.test))
    with pytest.raises(NotAssessed, match=f"share two labels with {2 * LEAST} training rows"):
        judge(LabelConsistency(), apart)
    model = LinearModel(torch.ones(2, 1), torch.zeros(1), (2,), Task.REGRESSION)
    regression = replace(numbers(), roles=Roles(environment="site"))
    with pytest.raises(NotAssessed, match="the target is a number"):
        judge(LabelConsistency(), regression, model)
