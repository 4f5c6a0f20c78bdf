import numpy as np
import pytest

from benchmarks.ordinal import mean_ranks


def of_errors(errors):
    tables = {
        f"table {k}": {"methods": {f"m{j}": {"mae": [e]} for j, e in enumerate(row)}}
        for k, row in enumerate(errors)
    }
    return mean_ranks({"tables": tables})


def test_the_critical_difference_is_that_of_demsar():
    # Demšar 2006, section 3.2.4: four classifiers on 14 data sets, 2.569 √(4 · 5 / (6 · 14)) = 1.25
    found = of_errors(np.random.default_rng(0).random((14, 4)))
    assert found["critical_difference"] == pytest.approx(1.25, abs=5e-3)


def test_the_smallest_error_ranks_first_and_ties_share_a_rank():
    found = of_errors([[0.1, 0.2, 0.2], [0.3, 0.5, 0.4], [0.1, 0.2, 0.3]])
    assert found["ranks"] == pytest.approx([1, (2.5 + 3 + 2) / 3, (2.5 + 2 + 3) / 3])
