import numpy as np
import pytest
import torch

from roadworthy.checks.performance.rank_consistency import RankConsistency
from roadworthy.core.dataset import Task
from roadworthy.core.finding import Verdict
from roadworthy.core.progress import Silent
from roadworthy.recipes import MLP
from roadworthy.strategies import CORAL, CORN, ORNN, SORD, CumulativeLinkModel
from roadworthy.training.trained import defended
from tests.datasets import judge, table


def noisy_grades(n=400, classes=7, seed=0):
    """Grades that two columns tell, with noise; a third are test rows."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 4))
    latent = x[:, 0] - x[:, 1] + generator.normal(size=n)
    y = np.searchsorted(np.quantile(latent, np.linspace(0, 1, classes + 1)[1:-1]), latent)
    return table(x, y, np.arange(n) % 3 == 2, task=Task.ORDINAL)


def fit(strategy, data, epochs=20):
    return defended(MLP(epochs=epochs), (strategy,)).fit(data, data.train, 0, Silent())


def test_ranks_made_to_contradict_each_other_are_found_and_counted():
    data = noisy_grades()
    model = fit(ORNN(), data)
    last = model.inner.module[-2].head
    with torch.no_grad():  # the same weights for all ranks, of which one is shifted up
        last.weight.copy_(last.weight[:1].expand_as(last.weight))
        last.bias.copy_(torch.tensor([2.0, 1.0, 0.0, 5.0, -1.0, -2.0]))
    (finding,) = judge(RankConsistency(), data, model)
    assert finding.verdict is Verdict.WARN
    assert finding.measures[0].value == 1
    assert "surer that a class is above a rank" in finding.claim
    assert finding.remedies[0].defense == "corn"


@pytest.mark.parametrize("strategy", [CORN(), CORAL(), CumulativeLinkModel()], ids=str)
def test_heads_that_keep_the_order_pass(strategy):
    data = noisy_grades()
    (finding,) = judge(RankConsistency(), data, fit(strategy, data))
    assert finding.verdict is Verdict.PASS
    assert finding.measures[0].value == 0


def test_independent_ranks_of_an_overtrained_network_contradict_each_other():
    data = noisy_grades(n=150)
    (finding,) = judge(RankConsistency(), data, fit(ORNN(), data, epochs=100))
    assert finding.verdict is Verdict.WARN


def test_other_models_are_not_assessed():
    data = noisy_grades()
    for model in (None, fit(SORD(), data)):
        with pytest.raises(Exception, match="says nothing of ranks"):
            judge(RankConsistency(), data, model)


def test_two_classes_are_not_assessed():
    data = noisy_grades(classes=2)
    with pytest.raises(Exception, match="one rank"):
        judge(RankConsistency(), data, fit(ORNN(), data, epochs=1))
