"""Runs of characters, by which texts are compared."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.words import BASE

CHUNK = 256  # texts whose characters are looked at together


def incidence(length: int, *texts: Tensor) -> tuple[Any, ...]:
    """Say which shingles each text has: of each set of texts (N, L) a sparse (N, S) of 0 and 1.

    A shingle is a run of so many characters.
    """
    from scipy.sparse import csr_array  # slow to import

    found = [_shingles(x, length) for x in texts]
    known, which = np.unique(np.concatenate([hashes for _, hashes in found]), return_inverse=True)
    parts = np.split(which, np.cumsum([len(hashes) for _, hashes in found])[:-1])
    return tuple(
        csr_array((np.ones(len(own)), (rows, own)), shape=(len(x), len(known)))
        for x, (rows, _), own in zip(texts, found, parts, strict=True)
    )


def _shingles(x: Tensor, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the row (T,) and the hash (T,) of each different shingle of texts (N, L)."""
    parts = [_shingles_of(part, length) for part in x.split(CHUNK)]
    rows = [row + k * CHUNK for k, (row, _) in enumerate(parts)]
    return np.concatenate(rows), np.concatenate([shingle for _, shingle in parts])


def _shingles_of(x: Tensor, length: int) -> tuple[np.ndarray, np.ndarray]:
    if x.shape[1] < length:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    wide = x.shape[1] - length + 1
    shingle = torch.zeros(len(x), wide, dtype=torch.int64)
    for k in range(length):  # of all shingles at once, character by character
        shingle = shingle * BASE + x[:, k : k + wide]
    row, column = (x[:, length - 1 :] != 0).nonzero(as_tuple=True)
    pairs = np.stack([row.numpy(), shingle[row, column].numpy()])
    order = np.lexsort(pairs[::-1])
    pairs = pairs[:, order]
    is_new = np.ones(pairs.shape[1], dtype=bool)
    is_new[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(0)
    return pairs[0, is_new], pairs[1, is_new]
