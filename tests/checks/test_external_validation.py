import numpy as np
import pytest
import torch

from roadworthy.checks.methodology.external_validation import ExternalValidation
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, judge, numbers, table
from tests.models import LinearModel, Logistic


def hospitals(marker, n=1500, seed=0, x=None, **more):
    """Three hospitals, an honest column, and one that each hospital's marker makes of the label."""
    generator = np.random.default_rng(seed)
    hospital = generator.choice(["A", "B", "C"], n)
    y = generator.integers(0, 2, n)
    honest = 1.5 * y + generator.normal(size=n)
    mark = marker(generator, hospital, y) + 0.3 * generator.normal(size=n)
    x = np.column_stack([honest, mark])
    columns = {"hospital": hospital, **{name: make(n) for name, make in more.items()}}
    roles = Roles(environment="hospital", group="patient" if "patient" in more else None)
    return table(x, y, np.arange(n) % 4 == 3, columns=columns, roles=roles)


def turned_in_c(generator, hospital, y):
    """The mark tells the label, but in C it tells the opposite."""
    return np.where(hospital == "C", 1 - y, y)


def telling_nothing(generator, hospital, y):
    return generator.integers(0, 2, len(y))


def findings(data, model=None):
    return {finding.scope: finding for finding in judge(ExternalValidation(), data, model)}


def test_a_mark_that_means_the_opposite_in_one_hospital_is_found_there():
    finding = findings(hospitals(turned_in_c))["left out"]
    assert finding.verdict is Verdict.FAIL
    assert "'C'" in finding.claim
    assert "the model, trained again," in finding.claim


def test_without_the_mark_it_is_silent():
    finding = findings(hospitals(telling_nothing))["left out"]
    assert finding.verdict is Verdict.PASS


def test_a_model_that_cannot_be_trained_again_is_stood_in_for():
    data = hospitals(turned_in_c)
    model = Logistic(data.train, 2, frozenset(Logistic(data.train, 2).spec.offers - {"refit"}))
    finding = findings(data, model)["left out"]
    assert finding.verdict is Verdict.FAIL
    assert "a quick linear model" in finding.claim


def test_numbers_that_are_shifted_in_one_hospital_are_found():
    generator = np.random.default_rng(0)
    n = 900
    hospital = generator.choice(["A", "B", "C"], n)
    x = np.column_stack([generator.normal(size=n), hospital == "C"])
    y = x[:, 0] + 3 * x[:, 1]
    data = table(
        x,
        y,
        np.arange(n) % 3 == 2,
        columns={"hospital": hospital},
        roles=Roles(environment="hospital"),
        task=Task.REGRESSION,
    )
    model = LinearModel(torch.ones(2, 1), torch.zeros(1), (2,), Task.REGRESSION)
    assert findings(data, model)["left out"].verdict is Verdict.FAIL


def test_few_rows_are_no_verdict():
    finding = findings(hospitals(telling_nothing, n=180))["left out"]
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "too few to tell" in finding.reason


def test_a_label_of_one_hospital_only_cannot_be_validated_elsewhere():
    y = np.arange(400) % 2
    data = table(
        np.random.default_rng(0).normal(size=(400, 2)),
        y,
        np.arange(400) % 4 == 3,
        columns={"hospital": np.where(y == 1, "A", "B")},
        roles=Roles(environment="hospital"),
    )
    finding = findings(data)["left out"]
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "whose class other environments have" in finding.reason


def test_rows_that_two_hospitals_share_are_found():
    clean = hospitals(telling_nothing)
    assert findings(clean)["copies across sources"].verdict is Verdict.PASS
    x = torch.cat([clean.train.x, clean.test.x]).numpy()
    y = torch.cat([clean.train.y, clean.test.y]).numpy()
    hospital = np.concatenate([split.columns["hospital"] for split in clean.splits])
    ours, theirs = np.flatnonzero(hospital == "A")[:20], np.flatnonzero(hospital == "B")[:20]
    x[theirs] = x[ours]
    data = table(
        x,
        y,
        np.arange(len(y)) >= len(clean.train),
        columns={"hospital": hospital},
        roles=Roles(environment="hospital"),
    )
    finding = findings(data)["copies across sources"]
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == pytest.approx(40 / len(y))


def test_without_environments_there_is_no_external_validation_and_no_pass():
    with pytest.raises(NotAssessed, match="no external validation"):
        judge(ExternalValidation(), blobs())
    with pytest.raises(NotAssessed, match="no external validation"):
        judge(
            ExternalValidation(),
            numbers(),
            LinearModel(torch.ones(2, 1), torch.zeros(1), (2,), Task.REGRESSION),
        )


@pytest.mark.slow
def test_it_warns_of_nothing_on_clean_data_of_any_size():
    verdicts = [
        findings(hospitals(telling_nothing, n=n, seed=seed))["left out"].verdict
        for n in (200, 600)
        for seed in range(15)
    ]
    # each may be wrong 1 time in 40
    assert sum(v in (Verdict.WARN, Verdict.FAIL) for v in verdicts) <= 3
