import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import (
    Part,
    auc,
    benjamini_hochberg,
    bootstrap,
    conformal_p_values,
    count,
    design_effect,
    deviation,
    difference,
    differences,
    equality,
    exact_proportion,
    gap,
    holm,
    largest,
    mcnemar,
    mean,
    mean_ranking,
    of_draws,
    paired_difference,
    positive_mean,
    proportion,
    quantile,
    ranked,
    ranked_difference,
    ranked_ratio,
    ranking,
    ratio,
    resampled_means,
    share_of_rows,
    smallest,
    without_sign,
)

SHARES = np.linspace(0.005, 0.995, 199)
shares = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def coverage(estimator, n, p, **settings):
    """The exact chance that the interval of a binomial count holds p."""
    measures = [estimator("share", k, n, **settings) for k in range(n + 1)]
    low, high = (np.array([getattr(m, end) for m in measures]) for end in ("low", "high"))
    chance = stats.binom.pmf(np.arange(n + 1), n, p[:, None])
    return (chance * ((low <= p[:, None]) & (p[:, None] <= high))).sum(1)


@given(shares, st.integers(1, 20))
def test_a_share_lies_within_its_interval_and_both_within_0_and_1(counts, comparisons):
    for estimator in (proportion, exact_proportion):
        measure = estimator("share", *counts, comparisons)
        assert 0 <= measure.low <= counts[0] / counts[1] <= measure.high <= 1


@pytest.mark.parametrize("n", [1, 2, 5, 10, 30, 60])
def test_the_exact_interval_holds_the_truth_at_least_95_percent_of_the_time(n):
    assert coverage(exact_proportion, n, SHARES).min() >= 0.95 - 1e-12


@pytest.mark.parametrize("n", [10, 30, 60, 200])
def test_wilsons_interval_holds_the_truth_95_percent_of_the_time_on_average(n):
    found = coverage(proportion, n, SHARES)
    # Brown, Cai, DasGupta 2001, doi:10.1214/ss/1009213286: near 95 % but for dips near 0 and 1
    assert found.mean() == pytest.approx(0.95, abs=0.01)
    assert found[(SHARES > 0.1) & (SHARES < 0.9)].min() > 0.91


def test_intervals_of_five_comparisons_miss_a_fifth_as_often():
    assert coverage(exact_proportion, 30, SHARES, comparisons=5).min() >= 0.99 - 1e-12


@given(shares)
def test_the_exact_interval_is_that_of_scipy(counts):
    expected = stats.binomtest(*counts).proportion_ci(method="exact")
    measure = exact_proportion("share", *counts)
    np.testing.assert_allclose([measure.low, measure.high], expected, rtol=1e-6, atol=1e-12)


@given(shares)
def test_wilsons_interval_is_that_of_scipy(counts):
    expected = stats.binomtest(*counts).proportion_ci(method="wilson")
    measure = proportion("share", *counts)
    np.testing.assert_allclose([measure.low, measure.high], expected, rtol=1e-9, atol=1e-12)


@given(shares, shares)
def test_a_difference_lies_within_its_interval_and_turns_with_its_sign(first, second):
    a, b = proportion("a", *first), proportion("b", *second)
    measure, turned = difference("a - b", a, b), difference("b - a", b, a)
    assert -1 - 1e-9 <= measure.low <= measure.value <= measure.high <= 1 + 1e-9
    assert (turned.low, turned.high) == pytest.approx((-measure.high, -measure.low))


def test_newcombes_interval_is_the_published_example():
    # Newcombe 1998, table II, example (a): 56/70 against 48/80, method 10
    measure = difference("a - b", proportion("a", 56, 70), proportion("b", 48, 80))
    assert (round(measure.low, 4), round(measure.high, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize(("p", "q"), [(0.1, 0.1), (0.5, 0.3), (0.9, 0.6), (0.05, 0.4)])
def test_newcombes_interval_holds_the_truth_about_95_percent_of_the_time(p, q):
    m, n = 30, 25
    ways = [[(k, j) for j in range(n + 1)] for k in range(m + 1)]
    a = [proportion("a", k, m) for k in range(m + 1)]
    b = [proportion("b", j, n) for j in range(n + 1)]
    measures = [[difference("a - b", a[k], b[j]) for k, j in line] for line in ways]
    holds = np.array([[m.low <= p - q <= m.high for m in line] for line in measures])
    chance = np.outer(
        stats.binom.pmf(np.arange(m + 1), m, p), stats.binom.pmf(np.arange(n + 1), n, q)
    )
    assert (chance * holds).sum() == pytest.approx(0.95, abs=0.03)


@given(shares, shares)
def test_a_gap_has_no_sign(first, second):
    a, b = proportion("a", *first), proportion("b", *second)
    measure, turned = gap("gap", a, b), gap("gap", b, a)
    assert 0 <= measure.low <= measure.value <= measure.high
    assert (turned.low, turned.value, turned.high) == pytest.approx(
        (measure.low, measure.value, measure.high)
    )


@pytest.mark.parametrize(("p", "q"), [(0.5, 0.5), (0.02, 0.2), (0.3, 0.6)])
def test_the_interval_of_a_ratio_holds_the_truth_about_95_percent_of_the_time(p, q):
    random = np.random.default_rng(0)
    hits, others = random.binomial(100, p, 2000), random.binomial(100, q, 2000)
    found = [
        ratio("p / q", proportion("p", int(k), 100), proportion("q", int(j), 100))
        for k, j in zip(hits, others, strict=True)
    ]
    held = np.mean([measure.low <= p / q <= measure.high for measure in found])
    assert held > 0.93


def patients(generator, share, alike=2.0, n=40):
    """Rows of patients, some with many, each of a share of its own."""
    clusters = np.repeat(np.arange(n), generator.integers(1, 20, n))
    own = generator.beta(alike * share, alike * (1 - share), n)
    return generator.random(len(clusters)) < own[clusters], clusters


# with 40 patients this different, few of whom have it, the effect itself is hard to know
@pytest.mark.parametrize(("share", "least"), [(0.05, 0.89), (0.3, 0.93), (0.9, 0.91)])
def test_a_share_of_rows_that_belong_together_is_held_about_as_often_as_it_says(share, least):
    generator = np.random.default_rng(0)
    by_cluster = by_row = 0
    for _ in range(1000):
        holds, clusters = patients(generator, share)
        found, plain = share_of_rows("share", holds, clusters), share_of_rows("share", holds, None)
        by_cluster += found.low <= share <= found.high
        by_row += plain.low <= share <= plain.high
    assert by_cluster / 1000 > least
    assert by_row / 1000 < 0.8


def test_equal_shares_of_rows_that_belong_together_rarely_look_different():
    generator = np.random.default_rng(1)
    p_values = []
    for _ in range(1000):
        drawn = [patients(generator, 0.3) for _ in range(2)]
        a, b = (proportion("share", int(holds.sum()), len(holds)) for holds, _ in drawn)
        designs = tuple(design_effect(*each) for each in drawn)
        p_values.append((equality(a, b, designs), equality(a, b)))
    by_cluster, by_row = (np.array(p_values) < 0.05).mean(0)
    assert by_cluster < 0.06
    assert by_row > 0.2


def test_copies_of_a_row_count_once():
    holds = np.random.default_rng(2).random(200) < 0.3
    once, copied = share_of_rows("share", holds, None), np.repeat(holds, 5)
    found = share_of_rows("share", copied, np.repeat(np.arange(200), 5))
    assert found.n == 1000
    assert (found.low, found.high) == pytest.approx((once.low, once.high), rel=0.02)
    assert "1000 rows count as 19" in found.method  # Student's t is a little wider
    none = share_of_rows("share", np.zeros(1000, dtype=bool), np.repeat(np.arange(200), 5))
    assert none.high == pytest.approx(proportion("share", 0, 200).high, rel=0.02)


def test_rows_that_are_alone_are_independent_and_one_cluster_counts_as_one_row():
    holds = np.arange(30) % 3 == 0
    assert share_of_rows("share", holds, np.arange(30)) == proportion("share", 10, 30)
    assert design_effect(holds, np.zeros(30)) == 30


@given(st.integers(0, 40), st.integers(0, 60))
def test_equal_shares_are_tested_by_fisher_or_by_the_score(a, b):
    table = np.array([[a, b], [40 - a, 60 - b]])
    found = equality(proportion("a", a, 40), proportion("b", b, 60))
    expected = table.sum(1, keepdims=True) * table.sum(0) / 100
    if expected.min() < 5:
        assert found == pytest.approx(stats.fisher_exact(table).pvalue)
    else:
        assert found == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_the_largest_is_between_the_largest_ends_and_named_by_the_surest():
    sure, noisy = proportion("sure", 300, 1000), proportion("noisy", 4, 8)
    measure = largest([sure, noisy])
    assert (measure.name, measure.value) == ("sure", 0.3)
    assert (measure.low, measure.high) == (sure.low, noisy.high)


def hand_written_holm(p_values):
    """Step down: the i-th smallest of m is multiplied by m - i and never below its forerunner."""
    m, adjusted, running = len(p_values), {}, 0.0
    for rank, index in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        running = max(running, (m - rank) * p_values[index])
        adjusted[index] = min(running, 1.0)
    return [adjusted[index] for index in range(m)]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_its_definition(p_values):
    assert holm(np.array(p_values)).tolist() == pytest.approx(hand_written_holm(p_values))


@given(st.lists(st.integers(0, 5), min_size=2), st.lists(st.integers(0, 5), min_size=2))
def test_auc_is_the_share_of_pairs_in_order_and_lies_within_its_interval(ins, outs):
    measure = auc("AUC", np.array(ins), np.array(outs))
    labels = [1] * len(ins) + [0] * len(outs)
    assert measure.value == pytest.approx(roc_auc_score(labels, ins + outs))
    assert 0 <= measure.low <= measure.value <= measure.high <= 1


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_the_interval_of_auc_holds_that_of_two_normals_about_95_percent_of_the_time(apart):
    random, truth = np.random.default_rng(0), stats.norm.cdf(apart / np.sqrt(2))
    held = []
    for _ in range(600):
        measure = auc("AUC", random.normal(apart, 1, 40), random.normal(0, 1, 60))
        held.append(measure.low <= truth <= measure.high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_the_variance_of_auc_is_delongs_sum_over_pairs():
    random = np.random.default_rng(0)
    ins, outs = random.normal(1, 1, 30), random.normal(0, 1, 20)
    above = (ins[:, None] > outs).astype(float)  # no ties
    variance = above.mean(1).var(ddof=1) / 30 + above.mean(0).var(ddof=1) / 20
    measure, value = auc("AUC", ins, outs), above.mean()
    half = 1.959964 * np.sqrt(variance) / (value * (1 - value))
    logit = np.log(value / (1 - value))
    expected = 1 / (1 + np.exp(-(logit + np.array([-half, half]))))
    assert (measure.low, measure.high) == pytest.approx(tuple(expected))


def test_perfect_separation_is_not_certainty():
    measure = auc("AUC", np.arange(10) + 10, np.arange(10))
    assert measure.value == measure.high == 1
    assert measure.low == pytest.approx(0.025 ** (1 / 10))  # ten disjoint pairs in order


@pytest.mark.parametrize(("n", "share"), [(50, 0.5), (20, 0.5), (100, 0.95), (200, 0.95)])
def test_order_statistics_hold_a_quantile_at_least_95_percent_of_the_time(n, share):
    measure = quantile("rank", np.arange(1, n + 1), share)
    assert measure.method == "order statistics 95 %"
    below = stats.binom(n, share)  # how many values lie below the true quantile
    held = below.cdf(measure.high - 1) - below.cdf(measure.low - 1)
    assert held >= 0.95


def test_a_quantile_of_too_few_values_says_so():
    assert quantile("p95", np.arange(20.0), 0.95).method.startswith("range")


def test_the_bootstrap_agrees_with_that_of_scipy():
    values = np.random.default_rng(0).exponential(size=80)
    ours = bootstrap("mean", lambda rows: float(values[rows].mean()), 80, seed=1, resamples=4000)
    peer = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=4000, rng=2)
    width = peer.confidence_interval.high - peer.confidence_interval.low
    # the acceleration left out moves an end by some hundredths of the width, resampling by as much
    assert ours.low == pytest.approx(peer.confidence_interval.low, abs=0.1 * width)
    assert ours.high == pytest.approx(peer.confidence_interval.high, abs=0.1 * width)


def test_repeating_each_row_as_a_cluster_changes_nothing():
    values = np.random.default_rng(0).normal(size=60)
    alone = mean("mean", values, seed=1)
    repeated, clusters = np.repeat(values, 7), np.repeat(np.arange(60), 7)
    together = bootstrap(
        "mean", lambda rows: float(repeated[rows].mean()), 420, seed=1, clusters=clusters
    )
    width = alone.high - alone.low
    assert together.value == pytest.approx(alone.value)
    assert together.low == pytest.approx(alone.low, abs=0.1 * width)
    assert together.high == pytest.approx(alone.high, abs=0.1 * width)


def test_ignoring_clusters_would_make_the_interval_too_narrow():
    values = np.repeat(np.random.default_rng(0).normal(size=60), 7)
    clusters = np.repeat(np.arange(60), 7)
    alone = mean("mean", values, seed=1)
    together = bootstrap(
        "mean", lambda rows: float(values[rows].mean()), 420, seed=1, clusters=clusters
    )
    # seven equal rows carry the information of one
    shrunk = (together.high - together.low) / (alone.high - alone.low)
    assert shrunk == pytest.approx(7**0.5, rel=0.15)


def test_a_cluster_is_drawn_whole():
    clusters = np.array(["b", "a", "b", "c", "a", "b"])
    seen = []
    bootstrap(
        "rows",
        lambda rows: float(seen.append(rows) or 0),
        6,
        seed=0,
        clusters=clusters,
        resamples=50,
    )
    for rows in seen[1:]:
        for name in "abc":
            members = np.flatnonzero(clusters == name)
            times = [(rows == member).sum() for member in members]
            assert len(set(times)) == 1


def test_the_bootstrap_depends_on_its_seed_alone():
    values = np.random.default_rng(0).normal(size=30)
    assert mean("mean", values, seed=3) == mean("mean", values, seed=3)
    assert mean("mean", values, seed=3) != mean("mean", values, seed=4)


def test_a_statistic_that_is_not_defined_is_not_assessed():
    with pytest.raises(NotAssessed, match="nothing is not defined"):
        bootstrap("nothing", lambda rows: float("nan"), 10, seed=0)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_samples_are_not_assessed(n):
    with pytest.raises(NotAssessed, match="needs at least 2"):
        mean("mean", np.zeros(n), seed=0)


def test_no_sample_bears_no_share():
    with pytest.raises(NotAssessed, match="needs at least 1"):
        proportion("share", 0, 0)


def test_a_count_has_no_doubt():
    measure = count("rows", 12, 12)
    assert measure.low == measure.value == measure.high == 12


def rankings_of(generator, n, per_cluster, apart=1.0):
    """Two scores of the same rows, alike within clusters, and what was to be found."""
    member = np.repeat(np.arange(n // per_cluster), per_cluster)
    is_positive = generator.random(n) < 0.4
    shared = generator.normal(size=member.max() + 1)[member]
    scores = [apart * is_positive + shared + generator.normal(size=n) for _ in range(2)]
    return member, is_positive, scores


def test_a_ranking_is_the_auc_of_scikit_learn_and_its_interval_is_delongs():
    member, is_positive, (scores, _) = rankings_of(np.random.default_rng(0), 400, 1)
    found = ranked("auc", ranking(scores, is_positive))
    expected = auc("auc", scores[is_positive], scores[~is_positive])
    assert found.value == pytest.approx(roc_auc_score(is_positive, scores))
    # the two differ by n / (n - 1)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-3)
    again = ranked("auc", ranking(scores, is_positive), member)
    assert (again.low, again.high) == pytest.approx((found.low, found.high))


def test_strata_are_pooled_by_their_pairs():
    generator = np.random.default_rng(0)
    _, is_positive, (scores, _) = rankings_of(generator, 200, 1)
    strata = generator.integers(0, 3, 200)
    pairs = [
        (a > b) + 0.5 * (a == b)
        for k in range(3)
        for a in scores[(strata == k) & is_positive]
        for b in scores[(strata == k) & ~is_positive]
    ]
    found = ranking(scores, is_positive, strata)
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.influence.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("per_cluster", [1, 5])
def test_the_intervals_of_rankings_hold_the_truth_about_95_percent_of_the_time(per_cluster):
    generator = np.random.default_rng(1)
    truth = stats.norm.cdf(1 / 2)  # 1 apart, with two spreads of 1 each
    alone, between = [], []
    for _ in range(600):
        member, is_positive, scores = rankings_of(generator, 300, per_cluster)
        a, b = (ranking(score, is_positive) for score in scores)
        for held, measure, expected in (
            (alone, ranked("auc", mean_ranking([a, a]), member), truth),
            (between, ranked_difference("difference", a, b, member), 0.0),
        ):
            held.append(measure.low <= expected <= measure.high)
    # three standard errors of 600 draws are 0.027
    assert np.mean(alone) == pytest.approx(0.95, abs=0.03)
    assert np.mean(between) == pytest.approx(0.95, abs=0.03)


def test_a_ratio_of_rankings_is_that_of_their_values_and_needs_one_to_compare_with():
    generator = np.random.default_rng(0)
    _, is_positive, (scores, other) = rankings_of(generator, 400, 1)
    a, b = ranking(scores, is_positive), ranking(other, is_positive)
    found = ranked_ratio("ratio", a, b)
    assert found.value == pytest.approx((a.value - 0.5) / (b.value - 0.5))
    assert found.low < 1 < found.high
    assert ranked_ratio("ratio", a, ranking(generator.normal(size=400), is_positive)) is None


def test_a_perfect_ranking_is_not_certain_and_less_so_in_clusters():
    is_positive = np.arange(40) % 2 == 1
    perfect = ranking(is_positive.astype(float), is_positive)
    alone, clustered = ranked("auc", perfect), ranked("auc", perfect, np.arange(40) // 10)
    assert alone.value == clustered.value == 1
    assert clustered.low < alone.low < 1


def test_a_paired_difference_is_narrower_than_its_parts_are_apart():
    generator = np.random.default_rng(0)
    shared = generator.normal(size=200)
    a, b = shared + 0.1 * generator.normal(size=200), shared
    found = paired_difference("difference", a, b, seed=0, clusters=None, unit="")
    assert found.value == pytest.approx((a - b).mean())
    assert found.high - found.low < 0.05


def parts_of(values, group):
    return [Part(f"part {k}", values, group == k) for k in range(int(group.max()) + 1)]


def test_one_difference_of_means_is_that_of_welch():
    random = np.random.default_rng(0)
    group, values = np.arange(400) % 3 // 2, random.normal(size=400)
    values[group == 1] *= 3
    found = differences(parts_of(values, group), [("a - b", 0, 1)], seed=1, resamples=4000)
    welch = stats.ttest_ind(values[group == 0], values[group == 1], equal_var=False)
    low, high = welch.confidence_interval(0.95)
    (size,) = found.sizes
    assert size.value == pytest.approx(values[group == 0].mean() - values[group == 1].mean())
    # resampling moves an end by some hundredths of the width
    assert (size.low, size.high) == pytest.approx((low, high), abs=0.1 * (high - low))
    assert found.p_values[0] == pytest.approx(welch.pvalue, abs=0.03)
    of_one = stats.ttest_1samp(values[group == 1], 0).confidence_interval(0.95)
    assert (found.means[1].low, found.means[1].high) == pytest.approx(
        tuple(of_one), abs=0.1 * (of_one[1] - of_one[0])
    )


@pytest.mark.parametrize("shape", ["normal", "exponential"])
def test_intervals_of_differences_hold_together_95_percent_of_the_time(shape):
    pairs, missed = [("0 - 1", 0, 1), ("0 - 2", 0, 2), ("1 - 2", 1, 2)], 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        group = random.choice(3, 150, p=[0.6, 0.25, 0.15])
        values = getattr(random, shape)(size=150)
        found = differences(parts_of(values, group), pairs, seed=seed, resamples=300)
        missed += any(size.low > 0 or size.high < 0 for size in found.sizes)
    # 5 % is the bound; 18 of 200 are exceeded with a chance under 1 % if it holds
    assert 0 < missed <= 18


def test_differences_are_sure_exactly_where_their_intervals_leave_0():
    random = np.random.default_rng(0)
    group = np.arange(300) % 3
    values = random.normal(size=300) + 0.4 * group
    pairs = [("0 - 1", 0, 1), ("0 - 2", 0, 2), ("1 - 2", 1, 2)]
    found = differences(parts_of(values, group), pairs, seed=0)
    apart = [size.low > 0 or size.high < 0 for size in found.sizes]
    assert apart == [p <= 0.05 for p in found.p_values]
    assert any(apart)


def test_repeating_each_row_as_a_cluster_changes_no_difference():
    random = np.random.default_rng(0)
    group, values = np.arange(120) % 2, random.normal(size=120)
    alone = differences(parts_of(values, group), [("a - b", 0, 1)], seed=1)
    repeated = parts_of(np.repeat(values, 5), np.repeat(group, 5))
    clusters = np.repeat(np.arange(120), 5)
    together = differences(repeated, [("a - b", 0, 1)], seed=1, clusters=clusters)
    assert (together.sizes[0].low, together.sizes[0].high) == pytest.approx(
        (alone.sizes[0].low, alone.sizes[0].high)
    )
    assert together.sizes[0].n == 600


def test_drawing_rows_in_bags_hardly_changes_a_difference(monkeypatch):
    random = np.random.default_rng(0)
    group, values = np.arange(2000) % 2, random.normal(size=2000)
    alone = differences(parts_of(values, group), [("a - b", 0, 1)], seed=1).sizes[0]
    monkeypatch.setattr("roadworthy.core.estimates.compared_means.MOST_UNITS", 300)
    bagged = differences(parts_of(values, group), [("a - b", 0, 1)], seed=1).sizes[0]
    width = alone.high - alone.low
    assert (bagged.low, bagged.high) == pytest.approx((alone.low, alone.high), abs=0.1 * width)


def test_a_cluster_that_lies_in_both_parts_is_drawn_whole():
    random = np.random.default_rng(0)
    person = np.repeat(np.arange(100), 2)
    before_or_after = np.tile([0, 1], 100)
    values = random.normal(size=100)[person] + 0.1 * random.normal(size=200)
    parts, pairs = parts_of(values, before_or_after), [("before - after", 0, 1)]
    paired = differences(parts, pairs, seed=0, clusters=person).sizes[0]
    unpaired = differences(parts, pairs, seed=0).sizes[0]
    by_hand = stats.ttest_rel(values[::2], values[1::2]).confidence_interval(0.95)
    width = by_hand[1] - by_hand[0]
    assert (paired.low, paired.high) == pytest.approx(tuple(by_hand), abs=0.1 * width)
    assert unpaired.high - unpaired.low > 5 * width


def test_parts_that_do_not_vary_differ_for_sure_or_not_at_all():
    group = np.arange(60) % 3
    parts = parts_of(np.array([1.0, 1.0, 2.0])[group], group)
    found = differences(parts, [("0 - 1", 0, 1), ("0 - 2", 0, 2)], seed=0)
    assert [(size.low, size.high) for size in found.sizes] == [(0, 0), (-1, -1)]
    assert found.p_values[0] == 1
    assert found.p_values[1] < 0.01


def test_a_part_that_hardly_varies_is_not_assessed():
    values = np.zeros(60)
    values[:2] = 1
    with pytest.raises(NotAssessed, match="too few rows that differ"):
        differences(parts_of(values, np.arange(60) % 2), [("a - b", 0, 1)], seed=0)


def test_the_size_of_a_difference_has_no_sign():
    signed = difference("a - b", proportion("a", 20, 100), proportion("b", 60, 100))
    size = without_sign(signed)
    assert (size.low, size.value, size.high) == (-signed.high, -signed.value, -signed.low)


@pytest.mark.parametrize("cluster_size", [None, 1, 4])
def test_the_mean_is_the_bootstrap_of_it(cluster_size):
    values = np.random.default_rng(0).exponential(size=120)
    clusters = None if cluster_size is None else np.arange(120) // cluster_size
    found = mean("mean", values, seed=1, clusters=clusters)
    slow = bootstrap("mean", lambda rows: values[rows].mean(), 120, seed=1, clusters=clusters)
    assert (found.value, found.method) == (slow.value, slow.method)
    assert [found.low, found.high] == pytest.approx([slow.low, slow.high])


def test_bootstrap_intervals_of_several_means_hold_together():
    random = np.random.default_rng(0)
    together = 0
    for trial in range(200):
        values = random.normal(size=(5, 200))
        ends = [mean("m", each, seed=trial, resamples=2000, comparisons=5) for each in values]
        together += all(end.low <= 0 <= end.high for end in ends)
    # the standard error of the share is 0.015, and the percentile interval is a little narrow
    assert together / 200 > 0.90


def test_a_positive_mean_is_tested_by_students_t():
    values = np.random.default_rng(0).normal(0.2, 1, 40)
    expected = stats.ttest_1samp(values, 0, alternative="greater").pvalue
    assert positive_mean(values) == pytest.approx(expected)
    assert positive_mean(np.ones(5)) == 0
    assert positive_mean(np.zeros(5)) == 1


def test_clusters_of_equal_rows_count_once():
    values = np.random.default_rng(0).normal(0.2, 1, 40)
    repeated, clusters = np.repeat(values, 3), np.repeat(np.arange(40), 3)
    assert positive_mean(repeated, clusters) == pytest.approx(positive_mean(values))
    assert positive_mean(repeated) < positive_mean(values)


def test_a_mean_of_nothing_is_found_as_often_as_its_p_value_says():
    random = np.random.default_rng(0)
    clusters = np.arange(120) // 4
    found = []
    for _ in range(2000):
        shared = np.repeat(random.normal(size=30), 4)
        found.append(positive_mean(shared + random.normal(size=120), clusters))
    # the standard error of a share of 0.05 among 2000 is 0.005
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.015)


def test_the_size_of_a_number_has_no_sign_and_reaches_0_where_its_interval_does():
    values = np.random.default_rng(0).normal(0, 1, 50)
    signed, turned = (mean("m", way * (values - values.mean() + 0.3), seed=0) for way in (1, -1))
    assert without_sign(turned).value == pytest.approx(without_sign(signed).value)
    straddling = mean("m", values - values.mean() + 0.01, seed=0)
    assert straddling.low < 0 < straddling.high
    assert without_sign(straddling).low == 0
    assert without_sign(straddling).high == max(-straddling.low, straddling.high)


def test_the_smallest_is_the_largest_of_the_turned_around():
    values = np.random.default_rng(0).normal(size=(4, 50))
    found = smallest([mean(str(k), each, seed=0) for k, each in enumerate(values)])
    measures = [mean(str(k), each, seed=0) for k, each in enumerate(values)]
    assert found.low == min(m.low for m in measures)
    assert found.high == min(m.high for m in measures)
    assert found.low <= found.value <= found.high


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_is_scipys(p_values):
    found = benjamini_hochberg(np.array(p_values))
    np.testing.assert_allclose(found, stats.false_discovery_control(p_values))


def test_a_conformal_p_value_is_the_share_of_rows_that_are_as_odd():
    calibration, scores = np.array([1.0, 2.0, 2.0, 5.0]), np.array([0.0, 2.0, 5.0, 6.0])
    expected = [(1 + sum(calibration >= score)) / 5 for score in scores]
    np.testing.assert_allclose(conformal_p_values(calibration, scores), expected)


def test_rows_drawn_alike_are_called_outliers_no_more_often_than_announced():
    generator = np.random.default_rng(0)
    alarms = 0
    for _ in range(1000):
        calibration, scores = generator.normal(size=200), generator.normal(size=50)
        p_values = conformal_p_values(calibration, scores)
        alarms += (benjamini_hochberg(p_values) <= 0.2).any()
    assert alarms / 1000 < 0.2 + 0.03


def test_means_over_resamples_spread_like_a_mean():
    values = np.random.default_rng(0).normal(size=(2, 400))
    draws = resampled_means(values, seed=0)
    assert draws.mean(0) == pytest.approx(values.mean(1), abs=0.01)
    assert draws.std(0) == pytest.approx(values.std(1) / 20, rel=0.1)


def test_means_over_resamples_of_clusters_spread_like_a_mean_of_clusters():
    values = np.random.default_rng(0).normal(size=400).repeat(10)[None]
    draws = resampled_means(values, seed=0, clusters=np.arange(400).repeat(10))
    assert draws.std(0) == pytest.approx(values.std(1) / 20, rel=0.1)


def test_an_interval_of_draws_holds_their_middle_and_the_estimate():
    draws = np.linspace(0, 1, 1001)
    measure = of_draws("share", 0.5, draws, 10)
    assert (measure.low, measure.high) == pytest.approx((0.025, 0.975))
    assert of_draws("share", 0.99, draws, 10).high == 0.99


def test_mcnemars_p_value_is_that_of_the_binomial_test():
    for only_a, only_b in ((3, 11), (5, 5), (0, 6), (40, 20)):
        expected = stats.binomtest(only_a, only_a + only_b).pvalue
        assert mcnemar(only_a, only_b) == pytest.approx(expected)
    assert mcnemar(0, 0) == 1


def test_the_interval_of_a_deviation_holds_the_truth_95_percent_of_the_time():
    values = np.random.default_rng(0).normal(scale=2, size=(2000, 5))
    measures = [deviation("spread", row) for row in values]
    held = np.mean([m.low <= 2 <= m.high for m in measures])
    assert held == pytest.approx(0.95, abs=0.015)
