"""Equalized odds against linear programming, and on rows whose groups differ by design."""

import builtins
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from roadworthy.core.dataset import Dataset, Feature, Roles, Split, Task
from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.guard import protect
from roadworthy.core.progress import Silent
from roadworthy.core.streams import Streams
from roadworthy.guards import EqualizedOdds
from roadworthy.guards.equalized_odds import lots
from roadworthy.guards.group_thresholds import equal_rates
from roadworthy.recipes import LogisticRegression

NUMBER = Feature("score", low=-6.0, high=6.0)


def drawn(n, seed=0, groups=2):
    """Give log-odds, classes and groups; scores of later groups are lower and tell less."""
    random = np.random.default_rng(seed)
    group = random.integers(groups, size=n)
    y = random.random(n) < 0.6 - 0.1 * group
    odds = random.normal(np.where(y, 1.0, -1.0) * (1 - 0.2 * group) - 0.8 * group, 1.0)
    return torch.from_numpy(odds), torch.from_numpy(y).long(), torch.from_numpy(group)


def shares_chosen(odds, group, thresholds, shares):
    """Give the probability (N,) with which a row is chosen."""
    return ((odds[:, None] > thresholds[group]) * shares[group]).sum(1)


def people(n=8000, seed=0):
    """Give rows whose classes are not equally frequent in the groups that two features cross."""
    random = np.random.default_rng(seed)
    a, b = random.integers(2, size=(2, n))
    y = random.random(n) < 0.8 - 0.25 * a - 0.25 * (a & b)
    score = random.normal(np.where(y, 0.7, -0.7), 1.0)
    x = torch.tensor(np.stack([score, a, b], 1), dtype=torch.float32)
    features = (NUMBER, Feature("a", "category", ("n", "y")), Feature("b", "category", ("n", "y")))
    ids, half = torch.arange(n), n // 2
    splits = tuple(
        Split(name, x[rows], torch.from_numpy(y[rows]).long(), ids[rows], {"a": a[rows]})
        for name, rows in (("train", slice(half)), ("test", slice(half, n)))
    )
    roles = Roles(sensitive=("a", "b"))
    return Dataset("people", Task.NOMINAL, ("no", "yes"), splits, features, roles)


def fitted(data):
    return LogisticRegression().fit(data, data.train, 0, Silent())


def gaps(data, chosen):
    """Give the largest gaps of the selection, true and false positive rate between the groups."""
    test = data.test
    group = (test.x[:, 1] * 2 + test.x[:, 2]).long()
    of = {"selection": test.y >= 0, "true positive": test.y == 1, "false positive": test.y == 0}
    found = {}
    for name, rows in of.items():
        shares = [float(chosen[rows & (group == k)].double().mean()) for k in range(4)]
        found[name] = max(shares) - min(shares)
    return found


def least_error(odds, y, group):
    """Solve equalized odds as a linear program: which shares of which thresholds err least."""
    n, columns, costs, owner = len(y), [], [], []
    for k in range(int(group.max()) + 1):
        rows = group == k
        cuts = [-np.inf, *((a + b) / 2 for a, b in pairwise(sorted(odds[rows].tolist()))), np.inf]
        for cut in cuts:
            chosen = rows & (odds > cut)
            true, false = (int((chosen & (y == c)).sum()) for c in (1, 0))
            columns.append(
                (true / int((rows & (y == 1)).sum()), false / int((rows & (y == 0)).sum()))
            )
            costs.append((int((rows & (y == 1)).sum()) - true + false) / n)
            owner.append(k)
    rates, owner = np.array(columns), np.array(owner)
    equal = [np.where(owner == k, 1.0, 0.0) for k in range(owner.max() + 1)]
    ones = [1.0] * len(equal)
    for k in range(1, owner.max() + 1):
        for rate in rates.T:
            equal.append(np.where(owner == k, rate, 0) - np.where(owner == 0, rate, 0))
            ones.append(0.0)
    return linprog(costs, A_eq=np.array(equal), b_eq=ones).fun


def test_both_rates_are_equal_and_nothing_errs_less():
    odds, y, group = drawn(400, groups=3)
    chosen = shares_chosen(odds, group, *lots(odds, y, group, 3, "equalized_odds"))
    for label in (0, 1):
        rates = [float(chosen[(group == k) & (y == label)].mean()) for k in range(3)]
        assert max(rates) - min(rates) < 1e-9
    error = float((chosen - y).abs().mean())
    assert error == pytest.approx(least_error(odds, y, group), abs=0.004)  # its grid has 1000 steps


def test_of_one_rate_it_agrees_with_thresholds_without_a_lot():
    odds, y, group = drawn(4000)
    found = shares_chosen(odds, group, *lots(odds, y, group, 2, "true_positive_rate_parity"))
    thresholds = equal_rates(odds, y, [group == 0, group == 1], "true-positive-rate")
    plain = (odds > thresholds[group]).double()
    right = [float((1 - (each - y).abs()).mean()) for each in (found, plain)]
    assert right[0] == pytest.approx(right[1], abs=0.004)
    for k in range(2):
        rows = (group == k) & (y == 1)
        assert float(found[rows].mean()) == pytest.approx(float(plain[rows].mean()), abs=0.05)


@pytest.mark.parametrize(
    ("constraint", "equal"),
    [
        ("equalized-odds", ("true positive", "false positive")),
        ("demographic-parity", ("selection",)),
        ("true-positive-rate-parity", ("true positive",)),
        ("false-positive-rate-parity", ("false positive",)),
    ],
)
def test_the_gap_between_crossed_groups_almost_closes_on_other_rows(constraint, equal):
    data = people()
    model = fitted(data)
    guarded = protect(model, EqualizedOdds(constraint=constraint), data)
    before, after = (gaps(data, each(data.test.x).argmax(1)) for each in (model, guarded))
    for rate in equal:
        assert before[rate] > 0.3
        assert after[rate] < 0.1  # of four shares of about 500 rows, 3 standard errors


def test_one_attribute_of_two_leaves_the_other_one():
    data = people()
    guarded = protect(fitted(data), EqualizedOdds(attributes=("b",)), data)
    assert guarded.learned["values"].shape == (2, 1)
    assert gaps(data, guarded(data.test.x).argmax(1))["true positive"] > 0.2


def test_a_row_is_answered_alike_in_any_batch_and_another_seed_draws_anew():
    data = people(2000)
    model, x = fitted(data), data.test.x
    guarded = protect(model, EqualizedOdds(), data)
    choice = guarded(x).argmax(1)
    assert torch.equal(guarded(x[::7]).argmax(1), choice[::7])
    assert torch.equal(guarded(x.flip(0)).argmax(1).flip(0), choice)
    assert not torch.equal(protect(model, EqualizedOdds(), data, seed=1)(x).argmax(1), choice)


def test_equal_inputs_draw_alike_and_others_evenly():
    x = torch.cartesian_prod(*[torch.arange(3.0)] * 8)  # small whole numbers differ in few bits
    number = Streams.of_inputs(0, x).uniform((), torch.float64)
    assert torch.equal(
        Streams.of_inputs(0, x.double()[5:9]).uniform((), torch.float64), number[5:9]
    )
    assert len(number.unique()) == len(x)
    assert (number.sort().values - torch.linspace(0, 1, len(x))).abs().max() < 0.025  # KS, p 0.001


def test_a_group_of_few_rows_keeps_the_models_threshold():
    odds, y, group = drawn(600)
    group[:12] = 2
    thresholds, shares = lots(odds, y, group, 3, "equalized_odds")
    assert (thresholds[2] == 0).all()
    torch.testing.assert_close(shares.sum(1), torch.ones(3, dtype=torch.float64))


def test_what_it_cannot_do_is_said(monkeypatch):
    data = people(400)
    model = fitted(data)
    for guard, message in (
        (EqualizedOdds(attributes=("score",)), "sensitive attributes that are features \\(a, b\\)"),
        (EqualizedOdds(constraint="parity"), "one of equalized-odds, demographic-parity"),
    ):
        with pytest.raises(InputError, match=message):
            protect(model, guard, data)
    plain = builtins.__import__

    def without(name, *rest):
        if name.startswith("fairlearn"):
            raise ImportError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"roadworthy\[fairness\]"):
        protect(model, EqualizedOdds(), data)
