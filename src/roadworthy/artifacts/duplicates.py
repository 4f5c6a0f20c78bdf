from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts import image_duplicates, table_duplicates, text_duplicates
from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress
from roadworthy.core.text import folded

FEWEST = 50  # rows that a comparison with the neighbors needs to know what is usual
SMALLEST_SIDE = 8  # pixels


@dataclass(frozen=True, eq=False)
class EqualRowsValue:
    """Which rows have the same inputs.

    Args:
        train: (N,) a number per training row; equal inputs, and only they, have equal numbers.
        test: (M,) the same for the test rows.
    """

    train: Tensor
    test: Tensor


@dataclass(frozen=True)
class EqualRows(Artifact[EqualRowsValue]):
    """Which rows of both splits are equal: to the last bit, texts but for case and spaces."""

    card = Card("equal-rows", "Equal rows")
    value = EqualRowsValue

    def cost(self, subject: Subject) -> float:
        return 0.1 * (len(subject.dataset.train) + len(subject.dataset.test))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> EqualRowsValue:
        train, test = subject.dataset.train.x, subject.dataset.test.x
        both = torch.cat([train, test])
        if subject.dataset.kind == "text":
            both = folded(both)
        rows = both.flatten(1).numpy() + 0.0  # turns -0 into 0
        words = np.ascontiguousarray(rows).view(f"V{rows.shape[1] * rows.itemsize}")[:, 0]
        numbers = torch.from_numpy(np.unique(words, return_inverse=True)[1])
        return EqualRowsValue(*numbers.split([len(train), len(test)]))


@dataclass(frozen=True, eq=False)
class NearDuplicatesValue:
    """Pairs of test and training rows that are nearly the same, the clearest first.

    Args:
        test: (P,) row in the test split.
        train: (P,) row in the training split.
        score: (P,) how clear it is: whitened correlation of images; for tables 1 − the distance as
            a share of that to the fifth-nearest row; Jaccard index of the shingles of texts.
        compared_test: how many test rows were looked at.
        compared_train: with how many training rows they were compared.
    """

    test: Tensor
    train: Tensor
    score: Tensor
    compared_test: int
    compared_train: int


@dataclass(frozen=True)
class NearDuplicates(Artifact[NearDuplicatesValue]):
    """Test rows that nearly repeat a training row.

    Args:
        n: at most this many rows of each split are compared, drawn at random.
    """

    n: int

    card = Card("near-duplicates", "Near duplicates")
    value = NearDuplicatesValue

    def cost(self, subject: Subject) -> float:
        rows = [min(self.n, len(split)) for split in (subject.dataset.test, subject.dataset.train)]
        return rows[0] * rows[1] / 100

    def compute(self, subject: Subject, get: Get, progress: Progress) -> NearDuplicatesValue:
        data, seed = subject.dataset, subject.seed_for(self)
        test, train = (some_rows(len(split), self.n, seed) for split in (data.test, data.train))
        if len(train) < FEWEST:
            raise NotAssessed(f"it needs at least {FEWEST} training rows; there are {len(train)}")
        a, b = data.test.x[test], data.train.x[train]
        if data.kind == "text":
            both = folded(torch.cat([a, b]))
            found = text_duplicates.find_near_texts(*both.split([len(a), len(b)]))
        elif data.kind == "image":
            if min(a.shape[-2:]) < SMALLEST_SIDE:
                raise NotAssessed(f"images below {SMALLEST_SIDE} pixels are too small to compare")
            pairs = image_duplicates.find_near_duplicates(a, b)
            found = (pairs.a_index, pairs.b_index, pairs.similarity)
        else:
            scale = torch.tensor([feature.scale for feature in data.features])
            found = table_duplicates.find_near_rows(a / scale, b / scale)
        return NearDuplicatesValue(test[found[0]], train[found[1]], found[2], len(test), len(train))
