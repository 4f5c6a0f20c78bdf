import numpy as np
import pytest
import torch

from roadworthy.artifacts.table_duplicates import find_near_rows, nearest
from roadworthy.checks.methodology.near_duplicates import NearDuplicateRows
from roadworthy.core.effort import Effort
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, builtin, judge, table


def nearly_copied(copies, columns=6, n=600, noise=1e-4, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, columns))
    x[-copies:] = x[:copies] + noise * generator.normal(size=(copies, columns))
    return table(x, np.arange(n) % 2, np.arange(n) >= 400)


def test_noisy_copies_of_table_rows_are_caught_and_paired():
    (finding,) = judge(NearDuplicateRows(), nearly_copied(12))
    assert finding.verdict is Verdict.FAIL
    assert {row for _, row in finding.examples[0].rows} == set(range(588, 600))
    assert any("like train 0 " in detail for detail in finding.examples[0].details)


def test_exact_copies_are_left_to_the_other_check():
    (finding,) = judge(NearDuplicateRows(), nearly_copied(12, noise=0.0))
    assert finding.verdict is Verdict.PASS


def scenes(n, size=28):
    """Random pictures (n, 1, size, size) with the 1/f spectrum of photographs."""
    noise = np.random.default_rng(0).normal(size=(n, 1, size, size))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    picture = np.fft.irfft2(np.fft.rfft2(noise) / (frequency + 1 / size), s=(size, size))
    low, high = picture.min((1, 2, 3), keepdims=True), picture.max((1, 2, 3), keepdims=True)
    return (picture - low) / (high - low)


@pytest.mark.parametrize("columns", [1, 2, 5, 30])
def test_random_rows_raise_no_alarm(columns):
    generator = torch.Generator().manual_seed(columns)
    found = [
        len(find_near_rows(*torch.randn(2, 300, columns, generator=generator))[0])
        for _ in range(10)
    ]
    assert sum(found) <= 1  # 0.1 are expected


def test_small_distances_are_not_lost_to_rounding():
    b = torch.full((6, 3), 1000.0, dtype=torch.float64)
    b[:, 0] += torch.arange(6) * 1e-4
    distance, index = nearest(b[:1], b)
    assert index[0].tolist() == [0, 1, 2, 3, 4]
    assert distance[0].tolist() == pytest.approx([0, 1e-4, 2e-4, 3e-4, 4e-4], rel=1e-6)


@pytest.mark.parametrize("name", ["digits", "wine", "breast-cancer"])
def test_it_is_silent_on_a_clean_set(name):
    (finding,) = judge(NearDuplicateRows(), builtin(name))
    assert finding.verdict is Verdict.PASS


def test_shifted_copies_of_images_are_caught():
    x = scenes(400)
    x[-8:] = np.roll(x[:8], 1, axis=3) * 0.9
    (finding,) = judge(NearDuplicateRows(), table(x, np.arange(400) % 2, np.arange(400) >= 250))
    assert finding.verdict is Verdict.FAIL
    assert len({row for _, row in finding.examples[0].rows} & set(range(392, 400))) >= 6
    assert len(finding.examples[0].pictures) == 2 * finding.examples[0].total


def test_a_comparison_of_some_rows_says_so():
    (finding,) = judge(NearDuplicateRows(), nearly_copied(12), effort=Effort("", 10, 1, 100))
    assert "drawn from 200 test and 400 training rows" in finding.claim
    assert finding.estimate.n == 100


def test_few_training_rows_are_not_assessed():
    (finding,) = judge(NearDuplicateRows(), blobs(n=60))
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "50 training rows" in finding.reason
