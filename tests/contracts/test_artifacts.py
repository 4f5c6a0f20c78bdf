"""Every registered artifact against the promises of its kind."""

import dataclasses
import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import roadworthy
from roadworthy.artifacts import ARTIFACTS, DataValues, Detections, TrainingOutliers
from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.checks import CHECKS, InterventionEffect, InterventionForecast
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.dataset import Task
from roadworthy.core.effort import Effort
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.guards import SqueezingDetector
from roadworthy.recipes import MLP
from roadworthy.sources import load_dataset, load_model, make_dataset
from roadworthy.strategies import CORN
from roadworthy.training.trained import defended

ROOM = Path(roadworthy.__file__).parent / "artifacts"
SMALL = Effort("test", attacked=8, shadows=2, judged=100)
DECLARED = (
    InterventionEffect(graph="x0 -> target", treatment="x0"),
    InterventionForecast(graph="x0 -> target", treatment="x0", experiment="south"),
)
CLOCKED = {"timings"}  # what it measures is time, so no two are alike
# what only `roadworthy attack` asks for
TRIED = Detections(SqueezingDetector(), (PGD(steps=5),), Ball("linf", 0.1), 8, classes=1)
# what only `roadworthy data` asks for
OF_ROWS = (DataValues(100), TrainingOutliers(100))


def subjects():
    for recipe, dataset in (
        ("digits-cnn", load_dataset("digits")),
        ("logistic-regression", from_two_hospitals(load_dataset("breast-cancer"))),
        ("logistic-regression", from_two_hospitals(load_dataset("wine"))),
    ):
        yield Subject(load_model(recipe, dataset), dataset, effort=SMALL)
    grades = replace(load_dataset("wine"), task=Task.ORDINAL)
    ranked = defended(MLP(epochs=2), (CORN(),)).fit(grades, grades.train, 0, Silent())
    yield Subject(ranked, grades, effort=SMALL)


def from_two_hospitals(dataset):
    x, y = (torch.cat([getattr(split, part) for split in dataset.splits]) for part in "xy")
    x = torch.cat([x, torch.arange(len(x))[:, None] + 0.5], 1)  # a column that counts the rows
    sites = np.where(np.arange(len(x)) % 3, "north", "south")
    columns = {"site": sites, "patient": np.arange(len(x)) // 2}
    roles = {"environment": "site", "group": "patient", "sensitive": ("site",)}
    return make_dataset(x, y, columns=columns, **roles)


def requests_of(subject):
    found = {}
    bench = Bench(subject, Store(None))
    for check in (*(check() for check in CHECKS), *DECLARED):
        try:
            found |= bench.plan(check.needs(subject))
        except NotAssessed:
            continue
    if subject.dataset.kind == "image":
        found |= bench.plan((TRIED,))
    return found | bench.plan(OF_ROWS)


@pytest.fixture(scope="module")
def requested():
    return [(subject, requests_of(subject)) for subject in subjects()]


def test_every_artifact_is_asked_for_by_some_check_or_by_a_command(requested):
    asked = {type(artifact) for _, found in requested for artifact in found.values()}
    assert asked == set(ARTIFACTS)


def test_every_artifact_in_the_room_is_registered():
    defined = {
        name
        for path in ROOM.glob("*.py")
        for name in path.read_text(encoding="utf-8").split("\n")
        if name.startswith("class ") and "(Artifact[" in name
    }
    assert len(defined) == len(ARTIFACTS)


@pytest.mark.parametrize("artifact", list(ARTIFACTS), ids=ARTIFACTS.names())
def test_it_has_a_page_and_a_value_that_can_be_kept(artifact):
    assert inspect.getdoc(artifact)
    assert dataclasses.is_dataclass(artifact.value)
    assert dataclasses.fields(artifact) is not None


@pytest.mark.slow
def test_the_same_seed_gives_the_same_value_and_the_store_gives_it_back(requested, tmp_path):
    made = set()
    for subject, found in requested:
        first, second = (Bench(subject, Store(tmp_path / str(id(subject)))) for _ in range(2))
        again = Bench(subject, Store(None))
        for name, request in found.items():
            try:
                one = first.get_for((request,))(request)
            except NotAssessed:  # these data do not suffice; those of another subject do
                continue
            made.add(type(request))
            assert second.get_for((request,))(request) is not one
            assert second.made[name].reused
            assert_equal(one, second.get_for((request,))(request), name)
            if request.card.name not in CLOCKED:
                assert_equal(one, again.get_for((request,))(request), name)
    assert made == set(ARTIFACTS)


def assert_equal(one, other, name):
    for part in dataclasses.fields(one):
        a, b = getattr(one, part.name), getattr(other, part.name)
        if isinstance(a, Tensor):
            assert np.array_equal(a, b, equal_nan=a.is_floating_point()), f"{name}.{part.name}"
        else:
            assert a == b, f"{name}.{part.name}"
