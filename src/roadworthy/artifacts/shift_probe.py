from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.coarse_pixels import principal_axes
from roadworthy.artifacts.plain_inputs import plain
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress

MOST = 2000  # rows of a split
FEWEST = 40  # rows of a split
COMPONENTS = 30  # of these pixels
COMPARED = 300  # rows of a split whose distances are all looked at
EXACT = 1000  # rows of the larger split, for exact p-values
PERMUTATIONS = 500
TREES = 60


@dataclass(frozen=True, eq=False)
class ShiftProbeValue:
    """How rows of two splits differ; no two of them are of one group.

    Args:
        first: (A,) how much held-out rows of the first split look like the second.
        second: (B,) the same of held-out rows of the second.
        discrepancy: squared maximum mean discrepancy, unbiased; it can be negative.
        p_value: of rows of both splits being drawn alike, by permutation.
        columns: (D,) p-value of each column being drawn alike; empty for images.
        distances: (D,) largest difference of the two distribution functions, or of categories
            half the sum of the differences.
        blind: (R,) loss of a prediction of the target from the input, on held-out rows of both
            splits whose target is known.
        told: (R,) the loss where the prediction also knows the split.
    """

    first: Tensor
    second: Tensor
    discrepancy: float
    p_value: float
    columns: Tensor
    distances: Tensor
    blind: Tensor
    told: Tensor


@dataclass(frozen=True)
class ShiftProbe(Artifact[ShiftProbeValue]):
    """What tells the rows of a split from training rows.

    Boosted trees learn on one half of the rows to tell the splits apart, and are judged on the
    other (Lopez-Paz and Oquab 2017, arXiv:1610.06545). Then the maximum mean discrepancy with a
    Gaussian kernel of the median distance (Gretton et al. 2012), and a test of each column:
    Kolmogorov and Smirnov's, or chi-squared for categories. Two more models predict the target from
    the input, one of which also knows the split: where that helps, the target depends on the input
    in another way. At most 2000 rows of a split, one of each group; images are averaged down to 16
    pixels a side and projected on their 30 largest components.

    Args:
        split: is compared with the training split.
    """

    split: str

    card = Card("shift-probe", "What tells two splits apart", paper="arxiv:1610.06545")
    value = ShiftProbeValue

    def cost(self, subject: Subject) -> float:
        return 40 * min(MOST, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> ShiftProbeValue:
        data, generator = subject.dataset, np.random.default_rng(subject.seed_for(self))
        parts = [_drawn(data, split, generator) for split in (data.train, data.split(self.split))]
        for part in parts:
            if len(part) < FEWEST:
                raise NotAssessed(
                    f"the {part.name} split has {len(part)} rows of different groups; {FEWEST} are "
                    "needed"
                )
        seen = _seen(torch.cat([part.x for part in parts]))
        is_second = np.repeat([False, True], [len(part) for part in parts])
        is_held_out = _halves(is_second, generator)
        score = _told_apart(seen, is_second, is_held_out, subject.seed_for(self))
        progress.advance(0.4)
        discrepancy, p_value = _discrepancy(seen, is_second, generator)
        distances, columns = _by_column(data, *parts)
        y = torch.cat([part.y for part in parts])
        progress.advance(0.6)
        known = torch.cat([part.is_labelled for part in parts]).numpy()
        blind, told = (
            _losses(columns, y, known, is_held_out, subject.seed_for(self))
            for columns in (seen, np.c_[seen, is_second])
        )
        return ShiftProbeValue(
            torch.from_numpy(score[is_held_out & ~is_second]),
            torch.from_numpy(score[is_held_out & is_second]),
            discrepancy,
            p_value,
            torch.from_numpy(columns),
            torch.from_numpy(distances),
            torch.from_numpy(blind),
            torch.from_numpy(told),
        )


def _drawn(data: Dataset, split: Split, generator: np.random.Generator) -> Split:
    """Draw rows of different groups."""
    order = generator.permutation(len(split))
    group = clusters(data, split)
    if group is not None:
        order = order[np.sort(np.unique(group[order], return_index=True)[1])]
    return split.take(torch.from_numpy(order[:MOST]))


def _seen(x: Tensor) -> np.ndarray:
    """Give columns (N, D), or the largest components of images averaged down, or of words."""
    small = plain(x)
    if x.ndim == 2 and x.is_floating_point():
        return small.numpy()
    center, axes = principal_axes(small, COMPONENTS)
    return ((small - center) @ axes.T).numpy()


def _halves(is_second: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Hold out every other row (N,) of each split, in a random order."""
    order = np.lexsort((generator.random(len(is_second)), is_second))
    is_held_out = np.empty(len(order), dtype=bool)
    is_held_out[order] = np.arange(len(order)) % 2 == 1
    return is_held_out


def _told_apart(
    seen: np.ndarray, is_second: np.ndarray, is_held_out: np.ndarray, seed: int
) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier  # slow to import

    trees = HistGradientBoostingClassifier(max_iter=TREES, random_state=seed % 2**32)
    trees.fit(seen[~is_held_out], is_second[~is_held_out])
    return trees.predict_proba(seen)[:, 1]


def _losses(
    seen: np.ndarray, y: Tensor, known: np.ndarray, is_held_out: np.ndarray, seed: int
) -> np.ndarray:
    """Give the losses of predictions of the target; none where too few targets are known."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    own, rest = known & is_held_out, known & ~is_held_out
    if y.is_floating_point():
        trees = HistGradientBoostingRegressor(max_iter=TREES, random_state=seed % 2**32)
        target = y.double().numpy()
        trees.fit(seen[rest], target[rest])
        return np.square(trees.predict(seen[own]) - target[own])
    code = y.numpy()
    own = own & np.isin(code, code[rest])  # a class that was not learned has no probability
    if len(np.unique(code[rest])) < 2:
        return np.empty(0)
    trees = HistGradientBoostingClassifier(max_iter=TREES, random_state=seed % 2**32)
    trees.fit(seen[rest], code[rest])
    place = np.searchsorted(trees.classes_, code[own])
    chance = trees.predict_proba(seen[own])[np.arange(len(place)), place]
    return -np.log(np.maximum(chance, 1e-12))


def _discrepancy(
    seen: np.ndarray, is_second: np.ndarray, generator: np.random.Generator
) -> tuple[float, float]:
    """Give the unbiased squared discrepancy and how often a random split's is as large."""
    kept = np.concatenate([np.flatnonzero(is_second == k)[:COMPARED] for k in (False, True)])
    rows = torch.from_numpy(seen[kept])
    rows = (rows - rows.mean(0)) / rows.std(0).clamp(min=1e-12)
    squares = torch.cdist(rows, rows).square().numpy()
    kernel = np.exp(-squares / max(np.median(squares[np.triu_indices(len(rows), 1)]), 1e-12))
    np.fill_diagonal(kernel, 0.0)
    own = is_second[kept]
    orders = np.stack([own, *(generator.permutation(own) for _ in range(PERMUTATIONS))])
    found = maximum_mean_discrepancy(kernel, orders)
    return float(found[0]), float((found >= found[0] - 1e-12).mean())


def maximum_mean_discrepancy(kernel: np.ndarray, is_second: np.ndarray) -> np.ndarray:
    """Give unbiased squared discrepancies (P,) of divisions (P, N) of rows in two samples.

    Source: Gretton et al. 2012, JMLR 13, equation 3.

    Args:
        kernel: (N, N), 0 on the diagonal.
        is_second: (P, N) which rows belong to the second sample.
    """
    second = is_second.astype(float)
    first = 1 - second
    m, n = first.sum(1), second.sum(1)
    within = ((first @ kernel) * first).sum(1) / (m * (m - 1))
    within += ((second @ kernel) * second).sum(1) / (n * (n - 1))
    return within - 2 * ((first @ kernel) * second).sum(1) / (m * n)


def _by_column(data: Dataset, first: Split, second: Split) -> tuple[np.ndarray, np.ndarray]:
    """Give distance and p-value of each column (D,); of images nothing."""
    from scipy import stats  # slow to import

    found = []
    # by column: each is of its own kind
    for j, feature in enumerate(data.features):
        a, b = first.x[:, j].numpy(), second.x[:, j].numpy()
        if feature.kind == "number":
            # exact p-values of many rows fail, and say so to the user
            is_small = max(len(a), len(b)) <= EXACT
            test = stats.ks_2samp(a, b, method="auto" if is_small else "asymp")
            found.append((test.statistic, test.pvalue))
            continue
        counts = np.stack(
            [np.bincount(c.astype(int), minlength=len(feature.categories)) for c in (a, b)]
        )
        counts = counts[:, counts.sum(0) > 0]
        p_value = stats.chi2_contingency(counts).pvalue if counts.shape[1] > 1 else 1.0
        shares = counts / counts.sum(1, keepdims=True)
        found.append((np.abs(shares[0] - shares[1]).sum() / 2, p_value))
    distances, p_values = np.array(found, dtype=float).reshape(-1, 2).T
    return distances, p_values
