"""Texts that nearly repeat another one."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.words import BASE

LENGTH = 5  # characters of a shingle
FEWEST = 20  # different shingles of a text that is more than a common phrase
ALIKE = 0.8  # Jaccard index from which on a text is a copy with changes
CHUNK = 256


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
    first, second = _incidence(a, b)
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


def _incidence(a: Tensor, b: Tensor) -> tuple[Any, Any]:
    """Say which shingles each text has: sparse (N, S) and (M, S) of 0 and 1."""
    from scipy.sparse import csr_array  # slow to import

    (rows, shingles), (other_rows, other_shingles) = _shingles(a), _shingles(b)
    known, which = np.unique(np.concatenate([shingles, other_shingles]), return_inverse=True)
    parts = np.split(which, [len(shingles)])
    return tuple(
        csr_array((np.ones(len(own)), (of, own)), shape=(len(x), len(known)))
        for x, of, own in zip((a, b), (rows, other_rows), parts, strict=True)
    )


def _shingles(x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Give the row (T,) and the hash (T,) of each different shingle of texts (N, L)."""
    parts = [_shingles_of(part) for part in x.split(CHUNK)]
    rows = [row + k * CHUNK for k, (row, _) in enumerate(parts)]
    return np.concatenate(rows), np.concatenate([shingle for _, shingle in parts])


def _shingles_of(x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    if x.shape[1] < LENGTH:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    wide = x.shape[1] - LENGTH + 1
    shingle = torch.zeros(len(x), wide, dtype=torch.int64)
    for k in range(LENGTH):  # of all shingles at once, character by character
        shingle = shingle * BASE + x[:, k : k + wide]
    row, column = (x[:, LENGTH - 1 :] != 0).nonzero(as_tuple=True)
    pairs = np.stack([row.numpy(), shingle[row, column].numpy()])
    order = np.lexsort(pairs[::-1])
    pairs = pairs[:, order]
    is_new = np.ones(pairs.shape[1], dtype=bool)
    is_new[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(0)
    return pairs[0, is_new], pairs[1, is_new]
