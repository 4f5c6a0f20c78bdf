import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

from roadworthy.causes.invariant_prediction import invariant_prediction, screened, welch
from roadworthy.causes.logistic import fitted, scores
from roadworthy.causes.score_test import score_test
from roadworthy.core.errors import InputError
from tests.structural_models import LinearModel, random_weights

TRIALS = 100


def perturbed(seed, noise, d=5, n=200):
    """Rows of two or three environments that differ in the noise of all but the target."""
    generator = np.random.default_rng(seed)
    model = LinearModel(random_weights(d, generator), noise)
    target = int(generator.integers(d))
    parts = []
    for _ in range(2 + seed % 2):
        shift = generator.normal(0, 2, d) * (generator.random(d) < 0.5)
        spread = np.where(generator.random(d) < 0.5, generator.uniform(0.3, 3, d), 1)
        shift[target], spread[target] = 0, 1
        parts.append(model.draw(n, generator, shift, spread))
    others = np.delete(np.arange(d), target)
    rows = np.concatenate(parts)
    truth = {k for k, j in enumerate(others) if model.weights[j, target] != 0}
    blocks = [rows[:, [j]] for j in others]
    return blocks, rows[:, target], np.repeat(np.arange(len(parts)), n), truth


@pytest.mark.parametrize("noise", ["normal", "laplace"])
def test_what_is_found_are_true_parents(noise):
    """At level 0.05 at most 11 of 100 trials may err but for a chance of 1 in 200 (binomial)."""
    wrong = found = hurt = 0
    for seed in range(TRIALS):
        *data, truth = perturbed(seed, noise)
        result = invariant_prediction(*data)
        wrong += not result.parents() <= truth
        hurt += bool(result.changing() & truth)
        found += len(result.parents())
    most = int(stats.binom.ppf(0.995, TRIALS, 0.05))
    assert wrong <= most
    assert hurt <= most, "a cause is said to change"
    assert found > 30, "it must find something too"


def classes(seed, k=2, n=250, sharp=1.0):
    """Two causes of a class and a consequence of it, whose noise differs by environment."""
    generator = np.random.default_rng(seed)
    parts, labels = [], []
    for e in range(2):
        x = generator.normal(size=(n, 2)) * [1, 1 + e] + [1.5 * e, 0]
        logits = sharp * x @ np.array([[1.5, 0, -1], [-1, 0, 0.5]])[:, :k]
        y = (logits + generator.gumbel(size=logits.shape)).argmax(1)
        parts.append(np.c_[x, y + generator.normal(size=n) * (1 + e)])
        labels.append(y)
    rows = np.concatenate(parts)
    return [rows[:, [j]] for j in range(3)], np.concatenate(labels), np.repeat([0, 1], n)


@pytest.mark.parametrize(("k", "sharp"), [(2, 1.0), (3, 1.0), (2, 8.0)])
def test_causes_of_a_class_are_kept_at_the_level(k, sharp):
    results = [invariant_prediction(*classes(seed, k, sharp=sharp)) for seed in range(40)]
    most = stats.binom.ppf(0.995, len(results), 0.05)
    assert sum(result.p_values[3] < 0.05 for result in results) <= most  # columns 0 and 1
    assert sum(not result.parents() <= {0, 1} for result in results) <= most
    if sharp == 1:
        assert sum(2 in result.changing() for result in results) > 25


def test_every_subset_has_its_own_p_value():
    blocks, y, environment, _ = perturbed(0, "normal")
    both = invariant_prediction(blocks, y, environment)
    pair = invariant_prediction([blocks[1], blocks[3]], y, environment)
    # bits 1 and 3 of the four columns are bits 0 and 1 of the pair
    assert np.allclose(pair.p_values, both.p_values[[0, 2, 8, 10]])


def test_welch_is_scipys():
    generator = np.random.default_rng(0)
    values = generator.normal(size=60)
    is_own = np.stack([np.arange(60) < 20, np.arange(60) % 4 == 0])
    ours = welch(np.broadcast_to(values, is_own.shape), is_own)
    theirs = [stats.ttest_ind(values[own], values[~own], equal_var=False).pvalue for own in is_own]
    assert np.allclose(ours, theirs)


def test_the_logistic_fit_is_scikit_learns():
    blocks, y, _ = classes(0, k=3)
    x = np.hstack(blocks)
    ours = fitted(np.c_[np.ones(len(x)), x], np.eye(3)[y])
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, y).predict_proba(x)
    # ours has a small penalty, which moves chances by less than 1e-3 here
    assert np.allclose(ours, theirs, atol=1e-3)


def test_the_score_test_agrees_with_the_likelihood_ratio():
    """Both have the same limit: near a p-value of 0.05 they differ little on 2000 rows."""
    generator = np.random.default_rng(1)
    x, z = generator.normal(size=(2, 2000, 1))
    y = (generator.random(2000) < 1 / (1 + np.exp(-(x + 0.11 * z)[:, 0]))).astype(int)
    design, targets = np.c_[np.ones(2000), x], np.eye(2)[y]
    without, with_it = fitted(design, targets), fitted(np.c_[design, z], targets)
    ratio = 2 * (np.log((with_it * targets).sum(1)) - np.log((without * targets).sum(1))).sum()
    p_value = score_test(*scores(design, z, targets, without))
    assert 0.001 < p_value < 0.5
    assert p_value == pytest.approx(stats.chi2.sf(ratio, 1), rel=0.15)


def test_columns_that_say_most_of_the_target_are_chosen():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 12))
    x[:, 5] = x[:, 2] + 0.01 * generator.normal(size=300)  # says nothing beside column 2
    y = x[:, [2]] + 0.5 * x[:, [9]]
    assert screened([x[:, [j]] for j in range(12)], y, 2) in {(2, 9), (5, 9)}


def test_one_environment_is_refused():
    blocks, y, environment, _ = perturbed(0, "normal")
    with pytest.raises(InputError, match="one"):
        invariant_prediction(blocks, y, 0 * environment)
