"""The words of texts, by hash: what can be counted without keeping them."""

import torch
from torch import Tensor
from torch.nn.functional import pad

UNUSED = 2**63 - 1  # in the place of a hash, where a vocabulary has room left
BASE = -7046029254386353131  # an odd number of 64 bits: that of the golden ratio
CHUNK = 1024  # texts whose characters are looked at together: of all they would not fit


def words_of(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give the row (W,) and the hash (W,) of each word of texts (N, L), in order.

    A word is a run of letters, digits and underscores, in lower case. Hashes have 64 bits.
    """
    parts = [_words_of(part) for part in torch.split(x, CHUNK)]
    rows = [row + k * CHUNK for k, (row, _) in enumerate(parts)]
    return torch.cat(rows), torch.cat([word for _, word in parts])


def rows_by_term(row: Tensor, term: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """List different terms (V,), in order, and how many of so many rows hold each (V,).

    Args:
        row: (T,) of each term.
        term: (T,) hashes.
        rows: how many there are.
    """
    terms, which = torch.unique(term, return_inverse=True)
    once = torch.unique(which * rows + row)
    return terms, torch.bincount(once // max(1, rows), minlength=len(terms))


def commonest(rows: Tensor, most: int, least: int) -> Tensor:
    """Choose up to `most` terms that at least `least` rows hold: their places, in order.

    Args:
        rows: (V,) how many hold each term; those of most rows are chosen first.
        most: how many are chosen.
        least: rows that hold a term.
    """
    ranked = rows.sort(descending=True, stable=True).indices[:most]
    return ranked[rows[ranked] >= least].sort().values


def _words_of(x: Tensor) -> tuple[Tensor, Tensor]:
    x = x[:, : int((x != 0).any(0).sum())]  # to the end of the longest text
    letter = _letters(x)
    is_letter = letter != 0
    is_first = is_letter & ~pad(is_letter, (1, 0))[:, :-1]
    column = torch.arange(x.shape[1], device=x.device)
    within = column - torch.where(is_first, column, 0).cummax(1).values
    powers = torch.full((x.shape[1],), BASE, device=x.device).cumprod(0)  # wraps, as a hash may
    owner = is_first.flatten().cumsum(0).reshape(x.shape) - 1
    row = is_first.nonzero()[:, 0]
    word = torch.zeros(len(row), dtype=torch.int64, device=x.device)
    return row, word.index_add_(0, owner[is_letter], (letter * powers[within])[is_letter])


def _letters(x: Tensor) -> Tensor:
    """Give the lower-case code point (N, L) where a letter, digit or underscore is, else 0."""
    is_used = torch.zeros(int(x.max()) + 1 if x.numel() else 1, dtype=torch.bool, device=x.device)
    is_used[x.flatten()] = True
    codes = is_used.nonzero()[:, 0]
    # a text has few different characters, of which Python knows what they are
    lower = [ord(c.lower()[0]) if c.isalnum() or c == "_" else 0 for c in map(chr, codes.tolist())]
    table = torch.zeros(len(is_used), dtype=torch.int64, device=x.device)
    table[codes] = torch.tensor(lower, dtype=torch.int64, device=x.device)
    return table[x]
