"""KNN-Shapley against the definition of the Shapley value, over all sets of rows."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
import torch

from roadworthy.core import data_value
from roadworthy.core.data_value import knn_shapley


def worth(rows, x, y, asked, answers, k):
    """The mean share of K votes that are right when only some rows vote."""
    total = 0.0
    for point, answer in zip(asked, answers, strict=True):
        near = sorted(rows, key=lambda i: np.linalg.norm(x[i] - point))[:k]
        total += sum(y[i] == answer for i in near) / k
    return total / len(asked)


def by_definition(x, y, asked, answers, k):
    n, found = len(x), np.zeros(len(x))
    for i in range(n):
        others = [j for j in range(n) if j != i]
        for size in range(n):
            for rows in combinations(others, size):
                gain = worth((*rows, i), x, y, asked, answers, k) - worth(
                    rows, x, y, asked, answers, k
                )
                found[i] += gain / (n * comb(n - 1, size))
    return found


def drawn(n, m, classes=3, seed=0):
    generator = np.random.default_rng(seed)
    x, asked = generator.normal(size=(n, 2)), generator.normal(size=(m, 2))
    return x, generator.integers(classes, size=n), asked, generator.integers(classes, size=m)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 5), (6, 1), (7, 3), (8, 5), (8, 8)])
def test_the_recursion_gives_the_mean_over_all_sets(n, k):
    data = drawn(n, 3, seed=n + k)
    found = knn_shapley(*map(torch.from_numpy, data), neighbors=k)
    assert found.numpy() == pytest.approx(by_definition(*data, k), abs=1e-12)


def test_the_values_sum_to_what_all_rows_are_worth():
    x, y, asked, answers = drawn(40, 9)
    found = knn_shapley(*map(torch.from_numpy, (x, y, asked, answers)), neighbors=4)
    assert float(found.sum()) == pytest.approx(worth(range(40), x, y, asked, answers, 4))


def test_blocks_change_nothing(monkeypatch):
    data = [torch.from_numpy(part) for part in drawn(30, 11)]
    whole = knn_shapley(*data)
    monkeypatch.setattr(data_value, "NUMBERS", 70)
    assert torch.allclose(knn_shapley(*data), whole, atol=1e-14)


def test_a_row_has_no_vote_on_one_of_its_own_unit():
    x, y, _, _ = map(torch.from_numpy, drawn(7, 1))
    unit = torch.tensor([0, 0, 1, 2, 3, 4, 4])
    found = knn_shapley(x, y, x, y, neighbors=3, unit=unit, asked_unit=unit)
    expected = torch.zeros(7, dtype=torch.double)
    for row in range(7):
        others = (unit != unit[row]).nonzero()[:, 0]
        expected[others] += knn_shapley(x[others], y[others], x[[row]], y[[row]], neighbors=3)
    assert torch.allclose(found, expected / 7, atol=1e-14)


def test_wrong_labels_are_worth_less():
    generator = np.random.default_rng(1)
    truth = np.arange(300) % 2
    x = torch.from_numpy(generator.normal(size=(300, 3)) + 2.0 * truth[:, None])
    is_wrong = generator.random(300) < 0.1
    y = torch.from_numpy(np.where(is_wrong, 1 - truth, truth))
    unit = torch.arange(300)
    value = knn_shapley(x, y, x, y, unit=unit, asked_unit=unit).numpy()
    assert value[is_wrong].mean() < 0 < value[~is_wrong].mean()


def test_arguments_that_do_not_fit_are_refused():
    x, y = torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)
    with pytest.raises(ValueError, match="one width"):
        knn_shapley(x, y, torch.zeros(2, 3), y[:2])
    with pytest.raises(ValueError, match="at least one neighbor"):
        knn_shapley(x, y, x, y, neighbors=0)
