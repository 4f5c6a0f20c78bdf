from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from roadworthy.artifacts.saliency import integrated_gradients, rank_correlation
from roadworthy.checks.methodology.saliency_sanity import SaliencySanity
from roadworthy.core.dataset import Feature, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Offer
from roadworthy.core.progress import Silent
from roadworthy.frameworks.torch_module import wrap_module
from roadworthy.recipes import LogisticRegression, Ridge
from tests.datasets import blobs, builtin, judge, numbers
from tests.models import Echo, LinearModel


class Polynomial(LinearModel):
    """Cubes of the inputs, weighted: nothing like a line, and still known."""

    def forward(self, x):
        return super().forward(x**3)


class Fixed(nn.Module):
    """A network whose answer hangs on numbers that were never learned."""

    def __init__(self, inputs):
        super().__init__()
        self.register_buffer("fixed", torch.linspace(-1, 1, inputs))
        self.learned = nn.Linear(inputs, 2)

    def forward(self, x):
        said = (x * self.fixed).sum(1, keepdim=True)
        return torch.cat([-said, said], 1) + 0.001 * self.learned(x)


def network(data, module):
    torch.manual_seed(0)
    return wrap_module(module(data.train.x.shape[1]), data, "network")


def test_attributions_in_a_linear_model_are_weight_times_difference():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 3, generator=generator)
    x, baseline = torch.randn(2, 7, 5, generator=generator)
    classes = torch.arange(7) % 3
    model = LinearModel(weight, torch.zeros(3), (5,))
    found = integrated_gradients(model, x, classes, baseline[0], 4)
    assert torch.allclose(found, (x - baseline[0]) * weight.T[classes], atol=1e-5)


def test_attributions_sum_to_the_output_less_that_of_the_baseline():
    generator = torch.Generator().manual_seed(0)
    model = Polynomial(torch.randn(5, 3, generator=generator), torch.ones(3), (5,))
    x, baseline = torch.randn(7, 5, generator=generator), torch.full((5,), 0.3)
    classes = torch.arange(7) % 3
    found = integrated_gradients(model, x, classes, baseline, 200)
    outputs = model(x) - model(baseline[None])
    assert torch.allclose(found.sum(1), outputs[torch.arange(7), classes], atol=1e-3)
    # a sum of terms of one number each: each term is its own share, in closed form
    own = (x**3 - baseline**3) * model.weight.T[classes]
    assert torch.allclose(found, own, atol=1e-3)


def test_rank_correlations_are_scipys():
    a, b = np.random.default_rng(0).integers(0, 5, (2, 6, 20)).astype(float)
    expected = [stats.spearmanr(*rows)[0] for rows in zip(a, b, strict=True)]
    found = rank_correlation(torch.tensor(a), torch.tensor(b))
    assert found.numpy() == pytest.approx(expected)
    assert rank_correlation(torch.ones(1, 4), torch.rand(1, 4)).tolist() == [0.0]


def test_explanations_that_survive_scrambled_weights_are_caught():
    data = blobs(columns=20)
    (finding,) = judge(SaliencySanity(), data, network(data, Fixed))
    assert finding.verdict is Verdict.FAIL
    assert "is kept" in finding.claim


@pytest.mark.parametrize("name", ["breast-cancer", "digits"])
def test_explanations_of_what_was_learned_pass(name):
    data = builtin(name)
    model = LogisticRegression().fit(data, data.train, 0, Silent())
    (finding,) = judge(SaliencySanity(), data, model)
    assert finding.verdict is Verdict.PASS
    assert finding.measures[1].value < 0.01, "attributions of a linear model add up"


def test_strengths_of_digits_follow_the_input_and_an_alarm_says_so():
    data = builtin("digits")
    model = LogisticRegression().fit(data, data.train, 0, Silent())
    (finding,) = judge(SaliencySanity(), data, model)
    assert [alarm.name for alarm in finding.alarms] == ["strengths-follow-the-input"]


def test_codes_of_categories_raise_an_alarm_for_they_have_no_slope():
    data = blobs(columns=10)
    splits = []
    for split in data.splits:
        codes = (split.y[:, None] + torch.arange(5)) % 2
        splits.append(replace(split, x=torch.cat([split.x[:, :5], codes.float()], 1)))
    category = Feature("code", "category", ("a", "b"))
    features = (*data.features[:5], *(replace(category, name=f"code {k}") for k in range(5)))
    coded = replace(data, splits=tuple(splits), features=features)
    model = LogisticRegression().fit(coded, coded.train, 0, Silent())
    (finding,) = judge(SaliencySanity(), coded, model)
    assert "attributions-do-not-add-up" in [alarm.name for alarm in finding.alarms]


def test_a_regression_is_explained_too():
    data = numbers()
    x = [torch.cat([split.x**power for power in (1, 2, 3, 4)], 1) for split in data.splits]
    splits = tuple(replace(split, x=wide) for split, wide in zip(data.splits, x, strict=True))
    features = tuple(Feature(name) for name in "abcdefgh")
    data = replace(data, splits=splits, features=features, task=Task.REGRESSION)
    (finding,) = judge(SaliencySanity(), data, Ridge().fit(data, data.train, 0, Silent()))
    assert finding.verdict is not Verdict.NOT_ASSESSED
    assert {row[0] for row in finding.tables[0].rows[:2]} == {"a", "b"}


def test_scrambled_weights_are_the_same_numbers_in_another_order():
    data = blobs(columns=20)
    model = network(data, Fixed)
    before = model.module.learned.weight.clone()
    scrambled = model.scrambled(0)
    assert torch.equal(model.module.learned.weight, before), "the model itself stays"
    after = scrambled.module.learned.weight
    assert not torch.equal(after, before)
    assert torch.equal(after.flatten().sort().values, before.flatten().sort().values)
    assert scrambled.spec.fingerprint != model.spec.fingerprint
    assert torch.equal(model.scrambled(0).module.learned.weight, after)


def test_it_says_why_not():
    with pytest.raises(NotAssessed, match="gradients"):
        judge(SaliencySanity(), blobs(), Echo(4, frozenset({Offer.LABELS})))
    (finding,) = judge(SaliencySanity(), blobs(columns=9), Echo(9))
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "out of reach" in finding.reason
