import numpy as np
import pytest
import torch

from roadworthy.checks.causes.causal_graph import CausalGraph
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, judge, table
from tests.models import LinearModel

pytest.importorskip("causallearn", reason="causal-learn is not installed")


def people(strength, seed=0, n=600):
    """A group that acts on the income, which acts on the savings; the age stands apart."""
    generator = np.random.default_rng(seed)
    group = generator.random(n) < 0.5
    income = strength * group + generator.uniform(-1, 1, n)
    savings = income + generator.uniform(-1, 1, n)
    age = generator.uniform(-1, 1, n)
    y = savings + age + generator.uniform(-1, 1, n)
    return table(
        np.c_[income, savings, age],
        y,
        np.arange(n) % 3 == 0,
        columns={"group": np.where(group, "a", "b")},
        roles=Roles(sensitive=("group",)),
        names=("income", "savings", "age"),
        task=Task.REGRESSION,
    )


def judged(weights=(0.0, 1.0, 1.0), strength=1.5, **more):
    model = LinearModel(torch.tensor([weights]).T, torch.zeros(1), (3,), Task.REGRESSION)
    (finding,) = judge(CausalGraph(), people(strength, **more), model)
    return finding


def test_a_column_that_stands_for_an_attribute_is_found():
    finding = judged()
    assert finding.verdict is Verdict.WARN
    assert "'group' on 'income'" in finding.claim
    assert "'savings'" in finding.claim
    assert "'age'" not in finding.claim
    stable = {row[:2] for row in finding.tables[0].rows if row[-1] == "true"}
    assert ("group", "income") in stable


def test_where_the_attribute_acts_on_nothing_it_neither_warns_nor_passes():
    for seed in range(2):
        finding = judged(strength=0.0, seed=seed)
        assert finding.verdict is Verdict.NOT_ASSESSED
        assert "no proof" in finding.reason
        assert finding.tables


def test_columns_that_the_model_does_not_use_are_no_matter():
    finding = judged(weights=(0.0, 0.0, 1.0))
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "hardly uses" in finding.reason


def test_without_an_attribute_it_says_what_to_name():
    with pytest.raises(NotAssessed, match="--sensitive"):
        judge(CausalGraph(), blobs())
