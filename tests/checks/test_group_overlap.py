import msgspec
import numpy as np
import pytest

from roadworthy.checks.methodology.group_overlap import GroupOverlap
from roadworthy.core.dataset import Roles
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, builtin, judge, table


def with_patients(patient, is_test, y=None):
    n = len(patient)
    y = np.arange(n) % 2 if y is None else y
    x = np.random.default_rng(0).normal(size=(n, 2))
    return table(x, y, is_test, columns={"patient": patient}, roles=Roles(group="patient"))


def test_patients_in_both_splits_are_counted():
    patient = np.array([f"smith-{k // 3}" for k in range(300)])
    (finding,) = judge(GroupOverlap(), with_patients(patient, np.arange(300) % 3 == 2))
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == 1.0
    assert "--split by-group" in finding.remedies[0].command


def test_a_split_by_patient_passes():
    patient = np.arange(300) // 3
    (finding,) = judge(GroupOverlap(), with_patients(patient, patient % 3 == 2))
    assert finding.verdict is Verdict.PASS


def test_only_rows_of_shared_patients_are_listed():
    patient = np.arange(30)
    patient[29] = 0
    (finding,) = judge(GroupOverlap(), with_patients(patient, np.arange(30) >= 20))
    assert finding.examples[0].rows == (("test", 29),)
    assert finding.estimate.value == pytest.approx(0.1)


def test_rows_without_a_patient_are_not_one_patient():
    patient = np.array([f"p{k}" for k in range(30)], dtype=object)
    patient[[3, 25]] = ""
    (finding,) = judge(GroupOverlap(), with_patients(patient, np.arange(30) >= 20))
    assert finding.verdict is Verdict.PASS


def test_patients_of_two_labels_are_counted():
    patient, y = np.array([0, 0, 1, 1, 2, 2] * 5), np.array([0, 1, 0, 0, 1, 1] * 5)
    (finding,) = judge(GroupOverlap(), with_patients(patient, np.arange(30) >= 20, y))
    assert finding.measures[-1].value == 1


def test_no_patient_is_named_in_the_report():
    patient = np.array([f"smith-{k // 3}" for k in range(300)])
    findings = judge(GroupOverlap(), with_patients(patient, np.arange(300) % 3 == 2))
    assert b"smith" not in msgspec.json.encode(findings)


@pytest.mark.parametrize("data", [blobs(), builtin("wine")], ids=["blobs", "wine"])
def test_without_a_group_column_it_is_not_assessed(data):
    with pytest.raises(NotAssessed, match="--group"):
        judge(GroupOverlap(), data)
