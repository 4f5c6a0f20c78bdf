"""Inputs as plain numbers, for the quick learners and distances that artifacts use."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from roadworthy.artifacts.coarse_pixels import coarse
from roadworthy.core.words import words_of

WORDS = 512  # columns that words are spread over


def plain(x: Tensor) -> Tensor:
    """Give inputs (N, …) as numbers (N, E).

    Columns of a table stay as they are, pictures are averaged down to at most 16 pixels a side, and
    texts become hashed words.
    """
    if not x.is_floating_point():
        return hashed_words(x)
    return (coarse(x) if x.ndim == 4 else x).flatten(1).double()


def hashed_words(x: Tensor) -> Tensor:
    """Count the words of texts (N, L) in 512 columns, scaled to length 1; the last is their number.

    A word's hash says in which column it counts, and with which sign, so that words that share one
    cancel on average; no vocabulary has to be learned. Their number is given as a logarithm.
    Source: Weinberger et al. 2009, arXiv:0902.2206.
    """
    row, word = words_of(x)
    mixed = word ^ (word >> 29)
    column, sign = mixed.remainder(WORDS), 1 - 2 * ((mixed >> 40) & 1)
    counts = torch.zeros(len(x), WORDS, dtype=torch.float64)
    counts.index_put_((row, column), sign.double(), accumulate=True)
    number = torch.bincount(row, minlength=len(x)).double()
    return torch.cat([normalize(counts, dim=1), number.log1p()[:, None]], 1)
