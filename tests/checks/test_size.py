import pytest
import torch

from roadworthy.artifacts.footprint import LiveTensors
from roadworthy.checks.resources.size import Size
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.check import run_check
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Model, ModelSpec, Offer


class Wide(Model):
    """A hidden layer of 1000 between two inputs and two outputs."""

    def __init__(self, size, gradients):
        offers = {Offer.LABELS, Offer.SCORES} | ({Offer.GRADIENTS} if gradients else set())
        super().__init__(
            ModelSpec("wide", Task.NOMINAL, (2,), 2, frozenset(offers), "wide", 5002, size)
        )
        layers = (torch.nn.Linear(2, 1000), torch.nn.ReLU(), torch.nn.Linear(1000, 2))
        self.net = torch.nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x)


def subject_of(size, gradients=True):
    x, y = torch.rand(4, 2), torch.arange(4) % 2
    splits = tuple(Split(name, x, y, torch.arange(4)) for name in ("train", "test"))
    return Subject(Wide(size, gradients), Dataset("noise", Task.NOMINAL, ("a", "b"), splits))


def judge(subject, **settings):
    check, bench = Size(**settings), Bench(subject, Store(None))
    return run_check(check, subject, bench.get_for(check.needs(subject)))


def test_weights_beyond_the_limit_fail():
    (finding,) = judge(subject_of(3 * 2**20), max_mebibytes=2.0)
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == 3.0


def test_small_weights_pass():
    (finding,) = judge(subject_of(4 * 5002))
    assert finding.verdict is Verdict.PASS


def test_a_pass_holds_at_most_two_neighboring_layers():
    (finding,) = judge(subject_of(4 * 5002))
    peak = {m.name: m.value for m in finding.measures}["tensors during a pass of one input"]
    # 1000 floats before and after the ReLU; the two outputs come when the first are gone
    assert peak * 2**20 == 8000


def test_views_and_results_in_place_take_no_memory():
    with LiveTensors() as live:
        x = torch.zeros(100)
        x.view(10, 10).add_(1).t()[0].relu_()
    assert live.peak == 400


def test_tensors_that_are_released_no_longer_count():
    with LiveTensors() as live:
        for _ in range(5):
            torch.zeros(100)
    assert live.peak == 400


def test_memory_outside_of_torch_is_not_guessed():
    (finding,) = judge(subject_of(4 * 5002, gradients=False))
    assert [measure.name for measure in finding.measures] == ["parameters"]


def test_weights_that_cannot_be_counted_are_not_assessed():
    with pytest.raises(NotAssessed, match="wide cannot be counted"):
        Size().needs(subject_of(None))
