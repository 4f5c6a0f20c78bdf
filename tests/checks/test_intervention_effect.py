import numpy as np
import pytest
import torch

from roadworthy.checks.causes.intervention_effect import InterventionEffect
from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, builtin, judge, table
from tests.models import LinearModel

GRAPH = "age -> dose; age -> target; dose -> level -> target"
NAMES = ("age", "dose", "level")


def patients(n=900, seed=0, is_binary=False):
    """Dose acts on the target through the level alone; age acts on dose and target."""
    generator = np.random.default_rng(seed)
    age = generator.normal(size=n)
    dose = age + generator.normal(size=n)
    if is_binary:
        dose = (dose > 0).astype(float)
    level = dose + generator.normal(size=n)
    y = level - 2 * age + generator.normal(size=n)
    return table(
        np.c_[age, dose, level], y, np.arange(n) % 3 == 0, names=NAMES, task=Task.REGRESSION
    )


def judged(weights, graph=GRAPH, treatment="dose", **more):
    model = LinearModel(torch.tensor([weights]).T, torch.zeros(1), (3,), Task.REGRESSION)
    check = InterventionEffect(graph=graph, treatment=treatment)
    (finding,) = judge(check, patients(**more), model)
    return finding


@pytest.mark.parametrize("is_binary", [False, True])
def test_a_model_that_was_given_what_lies_between_is_found(is_binary):
    finding = judged([-2.0, 0.0, 1.0], is_binary=is_binary)  # the best prediction there is
    assert finding.verdict is Verdict.FAIL
    assert "adjusted for 'age'" in finding.claim
    assert "the model's answers change by +0.000" in finding.claim
    assert not finding.alarms


@pytest.mark.parametrize("is_binary", [False, True])
def test_a_model_that_tells_the_effect_does_not_fail(is_binary):
    finding = judged([-2.0, 1.0, 0.0], is_binary=is_binary, n=3000)
    assert finding.verdict is Verdict.PASS
    truth, said, _ = finding.measures
    assert truth.low <= said.value <= truth.high


def test_the_naive_comparison_is_found_to_be_off():
    """Without age the slope of the target by the dose is 0 instead of 1."""
    assert judged([0.0, 0.0, 0.0]).verdict is Verdict.FAIL


def test_a_graph_that_rows_contradict_raises_an_alarm():
    finding = judged([-2.0, 1.0, 0.0], graph="dose -> level -> target; age -> target")
    assert {alarm.name for alarm in finding.alarms} == {"graph-contradicted"}
    assert "'age' and 'dose' are independent" in finding.alarms[0].text


def test_a_hidden_common_cause_is_not_assessed():
    with pytest.raises(NotAssessed, match="common causes"):
        judged([1.0, 1.0, 1.0], graph="wealth -> dose; wealth -> target; dose -> target")


def test_without_a_graph_it_says_what_to_declare():
    with pytest.raises(NotAssessed, match="graph and treatment"):
        judge(InterventionEffect(), blobs())


def test_names_that_are_not_there_are_refused():
    with pytest.raises(InputError, match="no column"):
        judged([1.0, 1.0, 1.0], treatment="does")
    with pytest.raises(InputError, match="does not name 'target'"):
        judged([1.0, 1.0, 1.0], graph="age -> dose")


def test_two_classes_are_judged_and_more_are_not():
    check = InterventionEffect(graph="alcohol -> target", treatment="alcohol")
    with pytest.raises(NotAssessed, match="two classes"):
        judge(check, builtin("wine"))
    check = InterventionEffect(graph="mean radius -> target", treatment="mean radius")
    (finding,) = judge(check, builtin("breast-cancer"))
    truth, said, _ = finding.measures
    assert truth.high < 0  # of being benign, with a larger radius
    assert said.high < 0
