import numpy as np
import pytest
import torch

from roadworthy.checks.performance.collect_more import CollectMore
from roadworthy.checks.performance.seed_spread import SeedSpread
from roadworthy.core.artifact import Subject
from roadworthy.core.effort import EFFORTS
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Model, ModelSpec, Offer, Task
from tests.datasets import blobs, judge
from tests.models import GRADED, Logistic


class Lucky(Model):
    """Right on a row with a chance that the seed of its training decides."""

    def __init__(self, spread, seed=0):
        offers = GRADED | {Offer.REFIT}
        super().__init__(ModelSpec("lucky", Task.NOMINAL, (4,), 2, offers, f"{spread} {seed}"))
        self.spread, self.seed = spread, seed

    def forward(self, x):
        generator = torch.Generator().manual_seed(self.seed)
        chance = 0.8 + self.spread * torch.randn(1, generator=generator)
        is_right = torch.linspace(0, 1, len(x)) < chance
        y = torch.arange(len(x)) % 2
        return torch.nn.functional.one_hot(torch.where(is_right, y, 1 - y), 2).float()

    def refit(self, rows, seed):
        return Lucky(self.spread, seed)


def lucky(spread, **settings):
    return judge(SeedSpread(**settings), blobs(3000), Lucky(spread))


def test_a_training_that_hangs_on_its_seed_is_caught():
    (finding,) = lucky(0.2)
    assert finding.verdict is Verdict.FAIL
    assert "by luck" in finding.claim


def test_a_training_that_hardly_hangs_on_its_seed_passes():
    (finding,) = lucky(0.001)
    assert finding.verdict is Verdict.PASS


def test_a_training_without_chance_is_seen_after_two():
    (finding,) = judge(SeedSpread(), blobs())
    assert finding.verdict is Verdict.PASS
    assert finding.estimate.n == 2
    assert finding.claim.startswith("The seed plays no part")


def test_a_claimed_difference_is_held_against_luck():
    for claimed, verdict in ((0.01, Verdict.FAIL), (0.9, Verdict.PASS)):
        _, claim = lucky(0.05, claimed_difference=claimed)
        assert claim.verdict is verdict


def test_it_says_why_not():
    data = blobs()
    with pytest.raises(NotAssessed, match="refit"):
        judge(SeedSpread(), data, Logistic(data.train, 2, GRADED))
    with pytest.raises(InputError, match="below 0"):
        judge(SeedSpread(claimed_difference=-1.0), data)


def test_luck_is_how_far_two_trainings_lie_apart():
    (finding,) = lucky(0.05)
    scores = np.array(finding.figures[0].series[0].y)
    assert finding.estimate.value == pytest.approx(scores.std(ddof=1))
    assert finding.measures[1].value == pytest.approx(1.96 * np.sqrt(2) * scores.std(ddof=1))


def test_an_inspection_in_a_hurry_trains_nothing_again():
    subject = Subject(Lucky(0.01), blobs(), effort=EFFORTS["quick"])
    for check in (SeedSpread(), CollectMore()):
        with pytest.raises(NotAssessed, match="--budget standard"):
            check.needs(subject)
