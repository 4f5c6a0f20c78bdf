import time

import numpy as np
import pytest
import torch

from roadworthy.artifacts.timings import Timings
from roadworthy.checks.resources.latency import Latency
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.check import run_check
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Model, ModelSpec, Offer


class Sleeper(Model):
    """Answers after a while, the same for every call."""

    def __init__(self, seconds):
        offers = frozenset({Offer.LABELS, Offer.SCORES})
        super().__init__(ModelSpec("sleeper", Task.NOMINAL, (2,), 2, offers, "sleeper"))
        self.seconds = seconds

    def forward(self, x):
        time.sleep(self.seconds)
        return x


def subject_of(seconds, rows=40):
    x, y = torch.zeros(rows, 2), torch.arange(rows) % 2
    splits = tuple(Split(name, x, y, torch.arange(rows)) for name in ("train", "test"))
    return Subject(Sleeper(seconds), Dataset("noise", Task.NOMINAL, ("a", "b"), splits))


def judge(bench, **settings):
    check = Latency(**settings)
    return run_check(check, bench.subject, bench.get_for(check.needs(bench.subject)))


def test_a_model_that_takes_longer_than_the_limit_fails():
    (finding,) = judge(Bench(subject_of(0.003), Store(None)), max_seconds=0.002)
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.low > 0.003


def test_a_fast_model_passes():
    (finding,) = judge(Bench(subject_of(0.0), Store(None)))
    assert finding.verdict is Verdict.PASS


def test_the_median_is_the_time_that_the_model_takes():
    (finding,) = judge(Bench(subject_of(0.003), Store(None)))
    median = finding.measures[0]
    assert median.low >= 0.003
    assert median.value < 0.03  # a busy machine wakes a sleeper late


def test_throughput_grows_with_the_batch_where_a_call_costs_the_same():
    (finding,) = judge(Bench(subject_of(0.003), Store(None)))
    (series,) = finding.figures[0].series
    assert series.x == (1, 4, 16)  # 64 rows are not there
    # four times as much, or half of that on a busy machine
    assert (np.array(series.y)[1:] > 2 * np.array(series.y)[:-1]).all()


def test_the_machine_is_named():
    bench = Bench(subject_of(0.0), Store(None))
    machine = bench.get_for((Timings(),))(Timings()).machine
    assert machine in judge(bench)[0].claim


def test_an_equal_inspection_shows_the_stored_times(tmp_path):
    findings = [judge(Bench(subject_of(0.0), Store(tmp_path))) for _ in range(2)]
    assert findings[0] == findings[1]


@pytest.mark.slow
def test_a_very_slow_model_is_not_timed_for_long():
    before = time.monotonic()
    value = Timings().compute(subject_of(0.6, rows=2), lambda request: None, SilentProgress())
    assert len(value.seconds[0]) == 10
    assert time.monotonic() - before < 10


class SilentProgress:
    def advance(self, share): ...
