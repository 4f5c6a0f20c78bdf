import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from roadworthy.checks.methodology.split_gap import SplitGap
from roadworthy.core.dataset import Roles
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.frameworks import wrap_model
from tests.datasets import blobs, judge, table


def patients(knows, people=120, rows=6, seed=0, by_group=False):
    """Rows of people who all bear one label, with a column that shows it and `knows` who it is."""
    generator = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), rows)
    ill = generator.integers(0, 2, people)
    y = ill[person]
    who = (
        generator.normal(size=(people, 5))[person] if knows else generator.normal(size=(len(y), 5))
    )
    x = np.column_stack([y + generator.normal(size=len(y)), 3 * who])
    x += 0.1 * generator.normal(size=x.shape)
    is_test = person % 4 == 3 if by_group else generator.random(len(y)) < 0.25
    data = table(x, y, is_test, columns={"patient": person}, roles=Roles(group="patient"))
    nearest = KNeighborsClassifier(3).fit(data.train.x.numpy(), data.train.y.numpy())
    return data, wrap_model(nearest, data)


def test_a_model_that_recognizes_patients_is_found():
    data, model = patients(knows=True)
    (finding,) = judge(SplitGap(), data, model)
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value > 0.2
    assert "the model, trained again," in finding.claim


def test_rows_that_say_nothing_of_the_patient_pass_or_are_too_few():
    data, model = patients(knows=False, people=300)
    (finding,) = judge(SplitGap(), data, model)
    assert finding.verdict is Verdict.PASS
    data, model = patients(knows=False, people=12, rows=3)
    (finding,) = judge(SplitGap(), data, model)
    assert finding.verdict is Verdict.NOT_ASSESSED


def test_a_split_by_group_passes_and_shows_the_gap():
    data, model = patients(knows=True, by_group=True)
    (finding,) = judge(SplitGap(), data, model)
    assert finding.verdict is Verdict.PASS
    assert finding.measures[0].low > 0.05
    assert "keeps groups apart" in finding.claim


def test_a_quick_model_stands_in_and_says_so():
    data, _ = patients(knows=False)
    echo = wrap_model(lambda x: x[:, :2], data)
    (finding,) = judge(SplitGap(), data, echo)
    assert "a quick linear model" in finding.claim


def test_what_has_no_groups_is_not_assessed():
    with pytest.raises(NotAssessed, match="--group"):
        judge(SplitGap(), blobs())
    data = blobs(columns=2)
    alone = table(
        data.train.x,
        data.train.y,
        np.arange(len(data.train)) % 3 == 2,
        columns={"patient": np.arange(len(data.train))},
        roles=Roles(group="patient"),
    )
    with pytest.raises(NotAssessed, match="of its own"):
        judge(SplitGap(), alone)
