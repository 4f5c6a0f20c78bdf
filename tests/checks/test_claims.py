from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from roadworthy.checks.methodology.claims import Claims
from roadworthy.core.dataset import Roles
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import judge, table
from tests.models import Echo


def right_on(share, n=1000):
    y = np.arange(n) % 2
    is_right = (np.arange(n) * 7919) % n < share * n
    x = np.eye(2)[np.where(is_right, y, 1 - y)]
    return table(np.concatenate([x[:2], x]), np.concatenate([y[:2], y]), np.arange(n + 2) >= 2)


def verdict(share, **claimed):
    return judge(Claims(**claimed), right_on(share), Echo(2))[0].verdict


def test_a_claim_is_held_against_the_measured_interval():
    assert verdict(0.8, claimed_accuracy=0.9) is Verdict.FAIL
    assert verdict(0.8, claimed_accuracy=0.75) is Verdict.PASS
    assert verdict(0.8, claimed_accuracy=0.8) is Verdict.WARN


def test_the_best_of_many_models_is_judged_by_an_interval_for_all():
    (finding,) = judge(Claims(looks=100), right_on(0.8), Echo(2))
    z = stats.norm.ppf(1 - 0.025 / 100)
    wilson = stats.binomtest(800, 1000).proportion_ci(2 * stats.norm.cdf(z) - 1, "wilson")
    assert finding.measures[0].low == pytest.approx(wilson.low)
    assert finding.estimate.value == pytest.approx(0.8 - wilson.low)


def test_choosing_among_many_on_few_rows_is_caught_and_one_look_at_many_is_not():
    assert judge(Claims(looks=100), right_on(0.8, 200), Echo(2))[0].verdict is Verdict.FAIL
    assert judge(Claims(looks=1), right_on(0.8, 2000), Echo(2))[0].verdict is Verdict.PASS


def test_the_accuracy_of_the_luckiest_of_many_is_no_lower_than_its_interval_says():
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        luckiest = generator.binomial(300, 0.5, 50).max() / 300
        (finding,) = judge(Claims(looks=50), right_on(luckiest, 300), Echo(2))
        held += finding.measures[0].low <= 0.5
    assert held >= 190


def test_rows_of_one_person_widen_the_interval():
    data = right_on(0.8)
    person = {"person": np.arange(len(data.test)) // 50}
    test = replace(data.test, columns=person)
    right = (data.test.x.argmax(1) == data.test.y).numpy()
    order = np.argsort(right, kind="stable")
    test = replace(test, x=test.x[order], y=test.y[order])
    data = replace(data, splits=(data.train, test), roles=Roles(group="person"))
    (grouped,) = judge(Claims(claimed_accuracy=0.75), data, Echo(2))
    assert grouped.verdict is Verdict.WARN


def test_without_a_declaration_nothing_is_assessed():
    with pytest.raises(NotAssessed, match="nothing is declared"):
        judge(Claims(), right_on(0.8), Echo(2))


def test_a_claim_in_percent_is_refused():
    with pytest.raises(InputError, match=r"write 0\.9"):
        judge(Claims(claimed_accuracy=90.0), right_on(0.8), Echo(2))
