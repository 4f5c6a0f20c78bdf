"""Texts that nearly repeat another one."""

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.shingles import CHUNK, incidence

LENGTH = 5  # characters of a shingle
FEWEST = 20  # different shingles of a text that is more than a common phrase
ALIKE = 0.8  # Jaccard index from which on a text is a copy with changes


def find_near_texts(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of texts that share most of their shingles, for each of `a` the nearest of `b`.

    A shingle is each run of five characters. The likeness of two texts is the Jaccard index of
    their sets: the share of all their shingles that both have. A text of fewer than 20 is too short
    for its likeness to mean anything.
    Source: Broder 1997, doi:10.1109/SEQUEN.1997.666900; Lee et al. 2022, arXiv:2107.06499 (0.8 as
    the likeness of copies, there by the share of words that need no edit).

    Args:
        a: (N, L) code points.
        b: (M, L) code points of the texts that they are compared with.

    Returns:
        (P,) rows of `a`, (P,) rows of `b` and (P,) Jaccard index, the clearest pair first.
    """
    first, second = incidence(LENGTH, a, b)
    sizes = [np.asarray(part.sum(1)).ravel() for part in (first, second)]
    near, likeness = np.zeros(len(a), dtype=np.int64), np.zeros(len(a))
    for start in range(0, len(a), CHUNK):  # all pairs at once would not fit
        rows = slice(start, start + CHUNK)
        shared = (first[rows] @ second.T).toarray()
        index = shared / np.maximum(sizes[0][rows, None] + sizes[1] - shared, 1)
        index[:, sizes[1] < FEWEST] = 0
        near[rows], likeness[rows] = index.argmax(1), index.max(1)
    found = np.flatnonzero((likeness >= ALIKE) & (sizes[0] >= FEWEST))
    found = found[np.argsort(-likeness[found], kind="stable")]
    return torch.from_numpy(found), torch.from_numpy(near[found]), torch.from_numpy(likeness[found])
