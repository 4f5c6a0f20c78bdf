import math

import torch
from torch import Tensor

_GOLDEN = -7046029254386353131  # 2^64 / golden ratio as a signed word
_MIX_1 = -4658895280553007687  # splitmix64's two multipliers
_MIX_2 = -7723592293110705685
_INT53 = float(1 << 53)
FEW = 4  # numbers per sample and draw
BLOCK = 1024  # rows whose words are made at a time
AHEAD = 32  # draws of few numbers are made at a time


def _word(number: int) -> int:
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)  # Python's integers do not wrap around


def _shift(z: Tensor, bits: int) -> Tensor:
    # torch's shift keeps the sign: mask it off
    return (z >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def _mix(z: Tensor) -> Tensor:
    z = (z ^ _shift(z, 30)).mul_(_MIX_1)
    z = z.bitwise_xor_(_shift(z, 27)).mul_(_MIX_2)
    return z.bitwise_xor_(_shift(z, 31))


def row_words(seed: int, x: Tensor) -> Tensor:
    """Give each row of numbers (N, …) a random word (N,), the same to equal rows.

    A sum of the numbers, as whole numbers, each times a random word (multilinear hashing: Carter
    and Wegman 1979, doi:10.1016/0022-0000(79)90044-8). It is quick, and for an order at random: by
    a chance of 2^-32 at most, two rows that differ share a word.
    """
    x = x.flatten(1)
    place = torch.arange(x.shape[1], device=x.device) * _GOLDEN
    times = _mix(place + _word(seed * _GOLDEN)) | 1
    sums = []
    for block in torch.split(x, BLOCK):  # all at once would not stay in the cache
        bits = (block.float() + 0.0).contiguous().view(torch.int32).long()  # no -0
        sums.append((bits * times).sum(1))
    return _mix(torch.cat(sums))


class Streams:
    """One random stream per sample: a draw depends on seed, sample and how often it drew.

    A sample's numbers are the same whichever batch it sits in, so an attack's result does not
    depend on who else is attacked. Source: splitmix64 (Steele, Lea, Flood 2014,
    doi:10.1145/2660193.2660195), used as a stateless hash of (seed, sample, draw, position).

    Args:
        keys: (N,) int64, one word per sample.
        draw: how many draws were made so far; the same for all samples.
    """

    def __init__(self, keys: Tensor, draw: int = 0) -> None:
        self.keys = keys
        self._draw = draw
        self._ahead: Tensor | None = None  # words of the next draws of few numbers
        self._first = 0  # the draw that they begin with

    @classmethod
    def of(cls, seed: int, index: Tensor, copy: Tensor | int = 0) -> "Streams":
        """Make the streams of samples `index` (N,), of their copies `copy` (N,), under a seed."""
        return cls(_mix(index.to(torch.int64) * _GOLDEN + _word(seed) + copy * _MIX_1))

    @classmethod
    def of_inputs(cls, seed: int, x: Tensor) -> "Streams":
        """Make the streams of inputs (N, …) by their numbers: equal inputs draw alike anywhere."""
        bits = (x.detach().double() + 0.0).flatten(1).contiguous().view(torch.int64)  # no -0
        place = torch.arange(bits.shape[1], device=x.device) * _GOLDEN
        return cls.of(seed, _mix(_mix(bits + place)).sum(1))

    def take(self, rows: Tensor) -> "Streams":
        """Keep the streams of some rows, by mask or index."""
        kept = Streams(self.keys[rows], self._draw)
        if self._ahead is not None:
            kept._ahead, kept._first = self._ahead[rows], self._first
        return kept

    def uniform(self, shape: tuple[int, ...] | torch.Size, dtype: torch.dtype) -> Tensor:
        """Draw (N, *shape) numbers in (0, 1)."""
        words = self._words(math.prod(shape))
        # + 0.5 keeps 0 and 1 out, so a logarithm or quantile of it is finite
        unit = (_shift(words, 11).to(torch.float64) + 0.5) / _INT53
        kind = torch.finfo(dtype)
        # rounding to fewer digits would bring 0 and 1 back
        return unit.reshape(len(self.keys), *shape).to(dtype).clamp(kind.tiny, 1 - kind.eps / 2)

    def _words(self, count: int) -> Tensor:
        """Give (N, count) random words of the next draw."""
        self._draw += 1
        if count > FEW:
            return self._words_of(self._draw, 1, count)[:, 0]
        # a search draws a few numbers in each of thousands of steps: many draws cost little more
        if self._ahead is None or self._draw >= self._first + AHEAD:
            self._ahead, self._first = self._words_of(self._draw, AHEAD, FEW), self._draw
        return self._ahead[:, self._draw - self._first, :count]

    def _words_of(self, first: int, draws: int, count: int) -> Tensor:
        position = torch.arange(count, device=self.keys.device)
        # as words, since Python's integers do not wrap around
        steps = [_word(draw * _GOLDEN) for draw in range(first, first + draws)]
        draw = torch.tensor(steps, device=self.keys.device)
        # mixed twice: sample 3's draw 1 must not be sample 1's draw 3, as a sum has no order
        place = _mix(_mix(position + draw[:, None]))
        return _mix(self.keys[:, None, None] + place)

    def normal(self, shape: tuple[int, ...] | torch.Size, dtype: torch.dtype) -> Tensor:
        """Draw (N, *shape) standard normal numbers."""
        normal: Tensor = torch.special.ndtri(self.uniform(shape, torch.float64))
        return normal.to(dtype)

    def bell(self, shape: tuple[int, ...] | torch.Size, dtype: torch.dtype) -> Tensor:
        """Draw (N, *shape) numbers of mean 0 and variance 1, at a fifth of the cost of normal ones.

        Each is the sum of two numbers of 16 bits, so its density is a triangle.
        """
        count = math.prod(shape)
        halves = self._words((count + 1) // 2).view(torch.int16).to(dtype)
        pairs = halves[:, :count] + halves[:, -count:]
        # 16 bits run from -2^15 to 2^15 - 1: two of them are 1 short of mean 0
        return pairs.add_(1).mul_(math.sqrt(6) / 2**16).reshape(len(self.keys), *shape)

    def integers(self, below: Tensor) -> Tensor:
        """Draw (N,) int64 numbers in [0, below), one bound per sample."""
        unit = self.uniform((), torch.float64)
        return torch.minimum((unit * below).to(torch.int64), below.to(torch.int64) - 1)
