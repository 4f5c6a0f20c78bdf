from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from roadworthy.artifacts.training_dynamics import Diary
from roadworthy.checks.data.cartography import Cartography
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.progress import Silent
from roadworthy.recipes.mlp import MLP
from roadworthy.training.loop import fit_plan
from tests.datasets import blobs, judge, numbers
from tests.models import LinearModel

RECIPE = MLP(width=16, epochs=40)


def flipped(share, n=600, apart=6.0):
    """Well separated classes with some training labels wrong, and the ids of the rows that are."""
    data = blobs(n=n, classes=3, apart=apart)
    train, test = data.splits
    rows = torch.from_numpy(np.random.default_rng(0).random(len(train)) < share)
    y = torch.where(rows, (train.y + 1) % 3, train.y)
    return replace(data, splits=(replace(train, y=y), test)), set(train.ids[rows].tolist())


def judged(data):
    model = RECIPE.fit(data, data.train, 0, Silent())
    return judge(Cartography(), data, model)[0]


def test_planted_wrong_labels_are_the_rows_that_are_never_learned():
    data, wrong = flipped(0.15)
    finding = judged(data)
    assert finding.verdict in (Verdict.WARN, Verdict.FAIL)
    listed = {row for _, row in finding.examples[0].rows}
    assert len(listed & wrong) > 0.8 * len(wrong)
    assert len(listed & wrong) > 0.9 * len(listed)
    assert finding.examples[0].details[0].startswith("given class")


def test_the_clean_twin_passes():
    finding = judged(flipped(0.0)[0])
    assert finding.verdict is Verdict.PASS
    assert not finding.examples
    assert {series.name for series in finding.figures[0].series} <= {"easy", "ambiguous"}


def test_classes_that_overlap_are_not_called_wrong():
    finding = judged(blobs(n=600, classes=2, apart=1.0))
    assert finding.verdict is not Verdict.FAIL


def test_the_diary_holds_mean_and_spread_over_the_epochs():
    split = blobs(n=60).train
    network, said = nn.Linear(4, 2), []
    diary = Diary(split)
    for _ in range(3):
        nn.init.normal_(network.weight)
        diary.write(network)
        said.append(network(split.x).double().softmax(1).detach())
    every = torch.stack(said)
    probabilities, variability, epochs = diary.read()
    given = every.gather(2, split.y.expand(3, -1)[..., None])[..., 0]
    torch.testing.assert_close(probabilities, every.mean(0))
    torch.testing.assert_close(variability, given.std(0, correction=0), atol=1e-6, rtol=0)
    assert epochs == 3


def test_looking_on_changes_nothing_of_the_training():
    data = blobs(n=90)
    plan = RECIPE.plan(data, data.train, 0)
    diary = Diary(data.train)
    alone, watched = (fit_plan(p, Silent()) for p in (plan, replace(plan, watch=diary.write)))
    for a, b in zip(alone.state_dict().values(), watched.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert diary.epochs == 40


def test_a_network_that_does_not_learn_or_not_for_long_does_not_judge_labels():
    weak, data = blobs(apart=0.1), flipped(0.15)[0]
    short = replace(RECIPE, epochs=3).fit(data, data.train, 0, Silent())
    for finding in (judged(weak), judge(Cartography(), data, short)[0]):
        assert finding.verdict is Verdict.NOT_ASSESSED
        assert "cannot judge" in finding.reason


def test_numbers_and_models_of_other_origin_are_not_assessed():
    with pytest.raises(NotAssessed, match="number"):
        judge(Cartography(), numbers(), LinearModel(torch.ones(2, 1), torch.zeros(1), (2,)))
    with pytest.raises(NotAssessed, match="epoch by epoch"):
        judge(Cartography(), blobs())
