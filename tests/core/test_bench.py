from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from roadworthy.core.artifact import Artifact, Bench, Store, Subject
from roadworthy.core.card import Card
from roadworthy.core.effort import Effort
from roadworthy.core.errors import ArtifactError, InputError, NotAssessed
from tests.datasets import table
from tests.models import LinearModel


def subject_of(seed=0, weight=1.0, shift=0.0, seconds=None):
    data = table(np.zeros((4, 2)) + shift, [0, 1, 0, 1], [0, 0, 1, 1])
    return Subject(
        LinearModel(weight * torch.eye(2), torch.zeros(2), (2,)),
        data,
        seed,
        Effort("test", 1, 1, 1, seconds),
    )


@dataclass(frozen=True, eq=False)
class Sum:
    total: Tensor


@dataclass(frozen=True)
class Base(Artifact[Sum]):
    """Counts how often it is computed, or fails as it is told."""

    number: int = 1
    failure: str = ""

    card = Card("base", "Base")
    value = Sum
    log: ClassVar[list["Base"]] = []

    def cost(self, subject):
        return 3.0

    def compute(self, subject, get, progress):
        self.log.append(self)
        if self.failure == "broken":
            raise ZeroDivisionError("division by nothing")
        if self.failure == "inapplicable":
            raise NotAssessed("there is nothing to see")
        if self.failure == "input":
            raise InputError("the input is wrong")
        return Sum(torch.tensor(self.number))


@dataclass(frozen=True)
class Doubled(Artifact[Sum]):
    """Twice another artifact, declared or not."""

    of: Base = Base()
    is_declared: bool = True

    card = Card("doubled", "Doubled")
    value = Sum

    def needs(self, subject):
        return (self.of,) if self.is_declared else ()

    def cost(self, subject):
        return 1.0

    def compute(self, subject, get, progress):
        return Sum(2 * get(self.of).total)


@pytest.fixture(autouse=True)
def log():
    Base.log.clear()
    return Base.log


def bench_of(store=None, **settings):
    return Bench(subject_of(**settings), Store(store))


def get(bench, request):
    return bench.get_for((request,))(request)


def test_a_value_is_computed_once_for_all_who_need_it(log):
    bench = bench_of()
    assert int(get(bench, Doubled()).total) == 2
    assert get(bench, Base()) is get(bench, Base())
    assert len(log) == 1


def test_other_settings_are_another_value(log):
    bench = bench_of()
    assert [int(get(bench, Base(number)).total) for number in (1, 2, 1)] == [1, 2, 1]
    assert len(log) == 2


def test_a_value_is_computed_once_for_all_runs(log, tmp_path):
    first, second = bench_of(tmp_path), bench_of(tmp_path)
    get(first, Base())
    assert int(get(second, Base()).total) == 1
    assert len(log) == 1
    assert [made.reused for made in second.made.values()] == [True]


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"weight": 2.0}, {"shift": 1.0}], ids=lambda c: next(iter(c))
)
def test_another_seed_model_or_dataset_computes_anew(log, tmp_path, change):
    get(bench_of(tmp_path), Base())
    get(bench_of(tmp_path, **change), Base())
    assert len(log) == 2


def test_what_was_not_declared_is_refused():
    bench = bench_of()
    with pytest.raises(AssertionError, match="was not declared"):
        bench.get_for((Base(1),))(Base(2))


def test_an_artifact_gets_only_what_it_declared_itself():
    with pytest.raises(ArtifactError, match="was not declared"):
        get(bench_of(), Doubled(is_declared=False))


def test_a_failure_is_named_and_remembered(log):
    bench = bench_of()
    for _ in range(2):
        with pytest.raises(
            ArtifactError, match="artifact base: ZeroDivisionError: division by nothing"
        ):
            get(bench, Base(failure="broken"))
    assert len(log) == 1


def test_whoever_needs_a_failed_artifact_reports_its_cause(log):
    bench = bench_of()
    for number in range(2):
        with pytest.raises(ArtifactError, match="artifact base: ZeroDivisionError"):
            get(bench, Doubled(Base(number, failure="broken")))
    assert len(log) == 2


def test_a_failure_is_not_kept_for_the_next_run(log, tmp_path):
    for _ in range(2):
        with pytest.raises(ArtifactError):
            get(bench_of(tmp_path), Base(failure="broken"))
    assert len(log) == 2


def test_what_cannot_be_assessed_passes_through_and_is_remembered(log):
    bench = bench_of()
    for _ in range(2):
        with pytest.raises(NotAssessed, match="nothing to see"):
            get(bench, Doubled(Base(failure="inapplicable")))
    assert len(log) == 1


def test_wrong_input_stops_the_run():
    with pytest.raises(InputError, match="the input is wrong"):
        get(bench_of(), Doubled(Base(failure="input")))


def test_work_that_does_not_fit_the_budget_is_not_begun(log):
    with pytest.raises(NotAssessed, match="did not fit the budget of 1e-09 s"):
        get(bench_of(seconds=1e-9), Base())
    assert log == []


def test_what_is_at_hand_fits_any_budget(tmp_path):
    get(bench_of(tmp_path), Base())
    assert int(get(bench_of(tmp_path, seconds=1e-9), Base()).total) == 1


def test_the_plan_lists_makers_first_and_each_once():
    plan = bench_of().plan((Doubled(), Base(), Doubled()))
    assert list(plan.values()) == [Base(), Doubled()]


def test_what_is_at_hand_costs_no_time(tmp_path):
    bench = bench_of(tmp_path)
    assert bench.seconds(Base()) > 0
    get(bench, Base())
    assert bench.seconds(Base()) == 0
    assert bench_of(tmp_path).is_at_hand(Base())


def test_an_item_has_a_seed_of_its_own_that_follows_the_root():
    first, other_root = subject_of(seed=0), subject_of(seed=1)
    seeds = {s.seed_for(item) for s in (first, other_root) for item in (Base(1), Base(2))}
    assert len(seeds) == 4
    assert first.seed_for(Base(1)) == subject_of(seed=0).seed_for(Base(1))
