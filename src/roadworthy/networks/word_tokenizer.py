import torch
from torch import Tensor, nn

from roadworthy.core.words import UNUSED, commonest, rows_by_term, words_of

MOST = 100_000  # a bound for settings that come from a file
PADDING, UNKNOWN, MASK = 0, 1, 2  # what is no word of the vocabulary
FIRST = 3  # the number of the vocabulary's first word


class WordTokenizer(nn.Module):
    """Numbers the words of a text, in their order; what follows the last one is padding.

    A word is a run of letters, digits and underscores, in lower case. The vocabulary keeps hashes
    of 64 bits, so that it is a tensor. Rows are as long as the longest of them, and no longer than
    they may be: what comes later in a text is left out. No derivative leads through it.

    Args:
        words: how many are kept at most, those of most rows first.
        length: words of a text that are read.
        least: a word is kept if at least so many rows hold it.
    """

    def __init__(self, words: int, length: int, least: int = 2) -> None:
        super().__init__()
        if not 1 <= words <= MOST or not 1 <= length <= MOST:
            raise ValueError(f"words and length must be from 1 to {MOST}")
        self.length = length
        self.least = least
        self.register_buffer("hashes", torch.full((words,), UNUSED, dtype=torch.int64))

    @property
    def known(self) -> int:
        """How many words the vocabulary has."""
        return int((self.hashes != UNUSED).sum())

    def measure(self, x: Tensor) -> None:
        """Take the vocabulary from rows (N, L) of code points."""
        words, rows = rows_by_term(*words_of(x), len(x))
        kept = words[commonest(rows, len(self.hashes), self.least)]
        self.hashes = torch.full_like(self.hashes, UNUSED)
        self.hashes[: len(kept)] = kept

    def forward(self, x: Tensor) -> Tensor:  # (N, L) to (N, W), at least one column
        row, word = words_of(x)
        counts = torch.bincount(row, minlength=len(x))
        column = torch.arange(len(row), device=x.device) - (counts.cumsum(0) - counts)[row]
        place = torch.searchsorted(self.hashes, word).clamp_max(len(self.hashes) - 1)
        number = torch.where(self.hashes[place] == word, FIRST + place, UNKNOWN)
        longest = int(counts.max()) if len(x) else 0
        numbers = torch.full((len(x), max(1, min(self.length, longest))), PADDING, device=x.device)
        is_read = column < self.length
        numbers[row[is_read], column[is_read]] = number[is_read]
        return numbers
