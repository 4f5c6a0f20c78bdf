import pytest
import torch
from scipy import stats

from roadworthy.core.streams import Streams

F64 = torch.float64


def streams(seed=0, n=50):
    return Streams.of(seed, torch.arange(n))


@pytest.mark.parametrize("seed", [0, 1, -5, 2**60 + 1])
def test_numbers_are_uniform(seed):
    drawn = streams(seed).uniform((400,), F64)
    assert stats.kstest(drawn.flatten(), "uniform").pvalue > 0.001
    # across samples at one place, too: this is what a batch's noise at one pixel is
    assert (
        stats.kstest(streams(seed, 20_000).uniform((1,), F64).flatten(), "uniform").pvalue > 0.001
    )


def test_normal_numbers_are_normal():
    assert stats.kstest(streams().normal((400,), F64).flatten(), "norm").pvalue > 0.001


def test_integers_are_evenly_spread_and_below_their_bound():
    drawn = streams(n=7000).integers(torch.full((7000,), 7))
    assert stats.chisquare(drawn.bincount(minlength=7)).pvalue > 0.001
    assert (streams().integers(torch.ones(50).long()) == 0).all()


def test_a_sample_draws_the_same_in_any_batch():
    whole = streams().uniform((3, 4), F64)
    few = Streams.of(0, torch.tensor([31, 4])).uniform((3, 4), F64)
    assert torch.equal(few, whole[[31, 4]])


def test_a_sample_goes_on_with_its_own_numbers_when_others_leave():
    both, left = streams(), streams()
    both.uniform((5,), F64)
    left.uniform((5,), F64)
    kept = left.take(torch.tensor([7, 9]))
    assert torch.equal(kept.uniform((5,), F64), both.uniform((5,), F64)[[7, 9]])


def test_taking_rows_leaves_the_stream_as_it_was():
    one, other = streams(), streams()
    one.take(torch.tensor([0])).uniform((5,), F64)
    assert torch.equal(one.uniform((5,), F64), other.uniform((5,), F64))


def test_seeds_samples_draws_and_places_differ():
    first = streams(0)
    drawn = [first.uniform((20,), F64), first.uniform((20,), F64)]
    drawn += [streams(seed).uniform((20,), F64) for seed in (1, 2)]
    assert torch.cat(drawn).unique().numel() == 4 * 50 * 20


def test_neighboring_samples_and_draws_are_uncorrelated():
    first = streams(n=3000)
    one, two = first.uniform((4,), F64), first.uniform((4,), F64)
    pairs = [(one[:-1], one[1:]), (one, two), (one[:, :-1], one[:, 1:])]
    pairs.append((one, streams(1, 3000).uniform((4,), F64)))
    for a, b in pairs:
        assert stats.pearsonr(a.flatten(), b.flatten()).pvalue > 0.001


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_neither_end_is_ever_drawn(dtype):
    # 2^20 numbers: rounded to float16, some would be 0 or 1
    drawn = streams(n=1024).uniform((1024,), dtype)
    assert drawn.dtype == dtype
    assert drawn.min() > 0
    assert drawn.max() < 1


def test_bell_numbers_are_centered_with_the_variance_and_kurtosis_of_a_triangle():
    drawn = Streams.of(0, torch.arange(8)).bell((25_001,), torch.float64)
    assert drawn.shape == (8, 25_001)
    assert abs(float(drawn.mean())) < 0.01
    assert abs(float(drawn.var()) - 1) < 0.01
    assert abs(float(drawn.pow(4).mean()) - 2.4) < 0.05
    assert abs(float(torch.corrcoef(drawn).fill_diagonal_(0).abs().max())) < 0.03


def test_numbers_drawn_ahead_are_those_of_each_draw_of_its_own():
    index = torch.arange(5)
    together = Streams.of(3, index)
    words = Streams.of(3, index).keys
    for draw in range(100):
        if draw == 40:
            together, words = together.take(index[1:3]), words[1:3]
        shape = ((), (2,), (3, 3))[draw % 3]
        alone = Streams(words, draw)
        expected = alone.uniform(shape, torch.float64)
        assert torch.equal(together.uniform(shape, torch.float64), expected)
