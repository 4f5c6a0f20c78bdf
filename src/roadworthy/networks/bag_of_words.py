import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from roadworthy.core.words import BASE, UNUSED, commonest, rows_by_term, words_of

MOST = 100_000  # a bound for settings that come from a file


class BagOfWords(nn.Module):
    """Weighs the words and pairs of words of a text: TF-IDF vectors of length 1.

    A word is a run of letters, digits and underscores, in lower case; a pair is two that follow one
    another. Terms are kept as hashes of 64 bits, so that a vocabulary is a tensor. The weight of a
    term in a text is how often it occurs times ln((1 + N) / (1 + n)) + 1, where n of the N rows
    that were measured hold it. No derivative leads through it.

    Source: Salton and Buckley 1988, doi:10.1016/0306-4573(88)90021-0.

    Args:
        terms: how many words and pairs are kept at most, those of most rows first.
        least: a term is kept if at least so many rows hold it.
    """

    def __init__(self, terms: int, least: int = 2) -> None:
        super().__init__()
        if not 1 <= terms <= MOST:
            raise ValueError(f"terms must be from 1 to {MOST}")
        self.least = least
        self.register_buffer("hashes", torch.full((terms,), UNUSED, dtype=torch.int64))
        self.register_buffer("rarity", torch.zeros(terms))

    def measure(self, x: Tensor) -> None:
        """Take the vocabulary and the weights from rows (N, L) of code points."""
        terms, rows = rows_of_terms(x)
        most = commonest(rows, len(self.hashes), self.least)
        rarity = ((1 + len(x)) / (1 + rows[most].double())).log() + 1
        self.hashes = torch.full_like(self.hashes, UNUSED)
        self.rarity = torch.zeros_like(self.rarity)
        self.hashes[: len(most)], self.rarity[: len(most)] = terms[most], rarity.float()

    def forward(self, x: Tensor) -> Tensor:  # (N, L) to (N, terms)
        row, term = terms_of(x)
        place = torch.searchsorted(self.hashes, term).clamp_max(len(self.hashes) - 1)
        is_known = self.hashes[place] == term
        where = (row[is_known], place[is_known])
        weights = torch.zeros(len(x), len(self.hashes), device=x.device)
        weights.index_put_(where, self.rarity[where[1]], accumulate=True)
        return normalize(weights, dim=1)


def rows_of_terms(x: Tensor) -> tuple[Tensor, Tensor]:
    """List the terms (V,) of texts (N, L), in order, and how many rows hold each (V,)."""
    return rows_by_term(*terms_of(x), len(x))


def terms_of(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give the row (T,) and the hash (T,) of each word and pair of words in texts (N, L)."""
    row, word = words_of(x)
    is_pair = row[1:] == row[:-1]
    pair = word[:-1] * BASE + word[1:] + 1
    return torch.cat([row, row[1:][is_pair]]), torch.cat([word, pair[is_pair]])
