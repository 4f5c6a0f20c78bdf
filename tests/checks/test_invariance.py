import numpy as np
import pytest
import torch

from roadworthy.checks.causes.invariance import Invariance
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, judge, table
from tests.models import LinearModel, Logistic


def hospitals(n=600, seed=0, is_marked=True, column=None):
    """A cause, and a mark that goes with the target in one way in the north and in another."""
    generator = np.random.default_rng(seed)
    is_north = np.arange(n) % 2 == 0
    cause = generator.normal(size=n) + is_north
    y = 2 * cause + generator.normal(size=n)
    slope = np.where(is_north, 1.0, -0.5) if is_marked else 1.0
    mark = slope * y + generator.normal(size=n) + (0 if is_marked else is_north)
    names = np.where(is_north, "north", "south") if column is None else column
    return np.c_[cause, mark], y, {"site": names}


def regression(weight=(1.0, 1.0), **more):
    x, y, columns = hospitals(**more)
    data = table(
        x,
        y,
        np.arange(len(y)) % 3 == 0,
        columns=columns,
        roles=Roles(environment="site"),
        names=("cause", "mark"),
        task=Task.REGRESSION,
    )
    model = LinearModel(torch.tensor([weight]).T, torch.zeros(1), (2,), Task.REGRESSION)
    return judge(Invariance(), data, model)


def test_a_column_that_means_other_things_elsewhere_is_found():
    (finding,) = regression()
    assert finding.verdict is Verdict.WARN
    assert "differently from place to place: 'mark'" in finding.claim
    assert "Plausible causes: 'cause'" in finding.claim
    found = {row[0]: row[1] for row in finding.tables[0].rows}
    assert found == {"mark": "in none: it changes", "cause": "in every accepted set"}


def test_a_changing_column_that_the_model_does_not_use_passes():
    (finding,) = regression(weight=(1.0, 0.0))
    assert finding.verdict is Verdict.PASS
    assert finding.estimate.value == 0


def test_relations_alike_everywhere_pass_and_are_not_called_proven():
    verdicts = []
    for seed in range(8):
        x, _, columns = hospitals(seed=seed)
        generator = np.random.default_rng(100 + seed)
        y = x.sum(1) + generator.normal(size=len(x))  # both are causes
        roles = Roles(environment="site")
        is_test = np.arange(len(y)) % 3 == 0
        data = table(x, y, is_test, columns=columns, roles=roles, task=Task.REGRESSION)
        model = LinearModel(torch.ones(2, 1), torch.zeros(1), (2,), Task.REGRESSION)
        (finding,) = judge(Invariance(), data, model)
        verdicts.append(finding.verdict)
        if finding.verdict is Verdict.PASS:
            assert "no proof" in finding.claim
    # each is not assessed with a chance of at most 0.05, where the one true set is rejected
    assert Verdict.WARN not in verdicts
    assert verdicts.count(Verdict.PASS) >= 6


def test_classes_are_judged_too():
    x, y, columns = hospitals(n=900)
    label = (y > np.median(y)).astype(int)
    roles = Roles(environment="site")
    data = table(x, label, np.arange(len(y)) % 3 == 0, columns=columns, roles=roles)
    (finding,) = judge(Invariance(), data, Logistic(data.train, 2))
    assert finding.verdict is Verdict.WARN
    assert "'column 1'" in finding.claim


def test_an_environment_that_acts_on_the_target_is_not_judged():
    x, y, columns = hospitals()
    moved = y + 3 * (columns["site"] == "south")
    data = table(
        x[:, :1],
        moved,
        np.arange(len(y)) % 3 == 0,
        columns=columns,
        roles=Roles(environment="site"),
        task=Task.REGRESSION,
    )
    model = LinearModel(torch.ones(1, 1), torch.zeros(1), (1,), Task.REGRESSION)
    (finding,) = judge(Invariance(), data, model)
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "acts on the target itself" in finding.reason


def test_environments_of_a_few_rows_are_not_judged():
    few = np.where(np.arange(600) < 20, "north", "south")
    (finding,) = regression(column=few)
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "30 rows" in finding.reason


def test_environments_alike_raise_an_alarm():
    draw = np.random.default_rng(3).permutation(600) % 2
    (finding,) = regression(column=np.where(draw, "north", "south"))
    assert finding.verdict is not Verdict.WARN
    assert [alarm.name for alarm in finding.alarms] == ["environments-alike"]


def test_rows_of_one_person_count_once():
    x, y, columns = hospitals(n=30)
    copies = np.repeat(np.arange(30), 20)
    columns = {"site": columns["site"][copies], "person": copies}
    data = table(
        x[copies],
        y[copies],
        copies % 3 == 0,
        columns=columns,
        roles=Roles(group="person", environment="site"),
        task=Task.REGRESSION,
    )
    model = LinearModel(torch.ones(2, 1), torch.zeros(1), (2,), Task.REGRESSION)
    (finding,) = judge(Invariance(), data, model)
    assert finding.verdict is Verdict.NOT_ASSESSED  # 15 persons of each site


def test_without_an_environment_it_says_what_to_name():
    with pytest.raises(NotAssessed, match="--environment"):
        judge(Invariance(), blobs())
