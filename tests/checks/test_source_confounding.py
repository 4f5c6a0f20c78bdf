import numpy as np
import pytest
import torch
from scipy.stats.contingency import association

from roadworthy.checks.methodology.source_confounding import (
    SourceConfounding,
    contingency,
    cramers_v,
)
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, judge, numbers, table
from tests.models import LinearModel


def from_sites(site, y, x=None, **columns):
    n = len(y)
    x = np.random.default_rng(5).normal(size=(n, 3)) if x is None else x
    columns = {"site": np.asarray(site), **columns}
    roles = Roles(environment="site", group="patient" if "patient" in columns else None)
    return table(x, y, np.arange(n) % 3 == 2, columns=columns, roles=roles)


def draw(n=600, seed=0):
    generator = np.random.default_rng(seed)
    return generator, generator.choice(["A", "B", "C"], n), generator.integers(0, 2, n)


def test_a_label_that_follows_the_site_is_caught():
    generator, _, y = draw()
    site = np.where(generator.random(600) < 0.9, np.where(y == 1, "A", "B"), "C")
    (finding,) = judge(SourceConfounding(), from_sites(site, y))
    assert finding.verdict is Verdict.FAIL
    assert "2 of 3 values of 'site' have a single label" in finding.claim


def test_labels_of_one_source_are_counted_where_sources_have_several():
    y = np.arange(600) % 6
    (finding,) = judge(SourceConfounding(), from_sites(np.where(y < 3, "A", "B"), y))
    assert finding.verdict is Verdict.FAIL
    assert "6 of 6 labels come from a single 'site'" in finding.claim


def test_labels_independent_of_the_site_pass():
    _, site, y = draw()
    (finding,) = judge(SourceConfounding(), from_sites(site, y))
    assert finding.verdict is Verdict.PASS
    assert finding.estimate.value < 0.1


def test_a_marker_in_the_input_tells_the_site():
    generator, site, y = draw()
    plain = generator.normal(size=(600, 3))
    stamped = plain.copy()
    stamped[:, 2] = site == "A"
    told = [
        judge(SourceConfounding(), from_sites(site, y, x))[0].measures[-1] for x in (stamped, plain)
    ]
    assert told[0].low > 0.5
    assert told[1].low < 1 / 3 < told[1].high


def test_patients_of_many_rows_widen_the_interval():
    generator, _, y = draw(60)
    site = np.where(generator.random(60) < 0.8, y, 1 - y)
    site, y = np.repeat(site, 10), np.repeat(y, 10)
    alone = judge(SourceConfounding(), from_sites(site, y))[0].estimate
    patient = np.repeat(np.arange(60), 10)
    grouped = judge(SourceConfounding(), from_sites(site, y, patient=patient))[0].estimate
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_the_corrected_v_equals_bergsmas_formula():
    table = np.array([[20, 5, 3], [4, 30, 8]])
    n, r, c = 70, 2, 3
    plain = association(table, method="cramer")
    phi2 = plain**2 * (min(r, c) - 1) - (r - 1) * (c - 1) / (n - 1)
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    assert cramers_v(table) == pytest.approx(np.sqrt(phi2 / (min(rows, columns) - 1)))


def test_the_correction_vanishes_on_many_rows():
    table = np.array([[20, 5, 3], [4, 30, 8]]) * 10**6
    assert cramers_v(table) == pytest.approx(association(table, method="cramer"), abs=1e-6)


def test_perfect_association_is_one_and_none_is_zero():
    assert cramers_v(np.diag([30, 40, 50])) == pytest.approx(1.0)
    assert cramers_v(np.full((3, 4), 25)) == 0.0


def test_counts_are_those_of_the_pairs():
    a, b = np.array([0, 0, 2, 2, 2]), np.array([1, 1, 0, 1, 0])
    assert contingency(a, b).tolist() == [[0, 2], [0, 0], [2, 1]]


def test_what_it_cannot_judge_is_not_assessed():
    with pytest.raises(NotAssessed, match="--environment"):
        judge(SourceConfounding(), blobs())
    with pytest.raises(NotAssessed, match="the same 'site'"):
        judge(SourceConfounding(), from_sites(np.full(300, "A"), np.arange(300) % 2))
    with pytest.raises(NotAssessed, match="--environment"):
        judge(
            SourceConfounding(),
            numbers(),
            LinearModel(torch.ones(2, 1), torch.zeros(1), (2,), Task.REGRESSION),
        )
