import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.sources.splits import divide_at_random, divide_by_group, divide_by_time

seeds = st.integers(0, 2**32 - 1)
strata = st.lists(st.integers(0, 3), min_size=1, max_size=60).map(np.array)
times = st.lists(st.integers(0, 9), min_size=2, max_size=60).map(np.array)
times = times.map(lambda values: values.astype(float)).filter(lambda v: len(np.unique(v)) > 1)


@st.composite
def grouped(draw):
    """Groups, strata and a permutation of the rows."""
    size = draw(st.integers(2, 60))
    groups = np.array(draw(st.lists(st.sampled_from("abcdefgh"), min_size=size, max_size=size)))
    groups[:2] = ["a", "b"]
    classes = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    return groups, np.array(classes), np.array(draw(st.permutations(range(size))))


def is_partition(parts, n):
    return sorted(np.concatenate(list(parts.values())).tolist()) == list(range(n))


def is_test(division, n):
    return np.isin(np.arange(n), division.parts["test"])


@given(strata, seeds)
def test_a_random_split_is_a_partition_and_repeats_with_its_seed(strata, seed):
    parts = divide_at_random(strata, seed).parts
    assert is_partition(parts, len(strata))
    again = divide_at_random(strata, seed).parts
    assert all(np.array_equal(parts[name], again[name]) for name in parts)


@given(strata, seeds)
def test_a_random_split_gives_each_class_its_share(strata, seed):
    test = divide_at_random(strata, seed).parts["test"]
    sizes = np.bincount(strata, minlength=4)
    assert (np.abs(np.bincount(strata[test], minlength=4) - 0.3 * sizes) <= 0.5).all()


@given(grouped(), seeds)
def test_a_split_by_group_is_a_partition_that_shares_no_group(rows, seed):
    groups, strata, _ = rows
    parts = divide_by_group(groups, strata, seed).parts
    assert is_partition(parts, len(groups))
    assert all(len(part) for part in parts.values())
    assert not set(groups[parts["train"]]) & set(groups[parts["test"]])


@given(grouped(), seeds)
def test_a_split_by_group_does_not_depend_on_the_order_of_rows(rows, seed):
    groups, strata, order = rows
    n = len(groups)
    there = is_test(divide_by_group(groups, strata, seed), n)
    shuffled = is_test(divide_by_group(groups[order], strata[order], seed), n)
    assert np.array_equal(there[order], shuffled)


@given(times, st.randoms(use_true_random=False))
def test_a_split_by_time_keeps_the_future_out_of_training(times, random):
    n = len(times)
    parts = divide_by_time(times).parts
    assert is_partition(parts, n)
    assert times[parts["train"]].max() < times[parts["test"]].min()
    order = np.array(random.sample(range(n), n))
    shuffled = is_test(divide_by_time(times[order]), n)
    assert np.array_equal(is_test(divide_by_time(times), n)[order], shuffled)
