from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.invariant_sets import blocks_of
from roadworthy.artifacts.labelled_rows import labelled_rows
from roadworthy.artifacts.roles import clusters
from roadworthy.causes.effects import average_effect, refutations
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Feature, Split
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.progress import Progress

MOST = 5000
FEWEST = 50


@dataclass(frozen=True, eq=False)
class AdjustedEffectValue:
    """What setting a column does to the target, other columns held fixed.

    Args:
        rows: (R,) numbers of the labelled training and test rows, in this order.
        scores: (R,) each row's share of the effect; their mean is the effect.
        robustness: share of what is left of both that an unrecorded cause would have to explain.
        unlike: share of rows with nothing to compare them with.
        names: what was changed in each refutation.
        refutations: (F, 3) the value then, the expected one, and how many standard errors apart.
    """

    rows: Tensor
    scores: Tensor
    robustness: float
    unlike: float
    names: tuple[str, ...]
    refutations: Tensor


@dataclass(frozen=True)
class AdjustedEffect(Artifact[AdjustedEffectValue]):
    """The average effect of a column on the target, adjusted for others, on at most 5000 rows.

    Cross-fitted and doubly robust (Chernozhukov et al. 2018, arXiv:1608.00060). The effect is of
    the second of two values against the first, or of one standard deviation of another number;
    the target is a number in standard deviations, or the second of two classes.

    Args:
        treatment: number of the column.
        held: numbers of the columns that are adjusted for.
    """

    treatment: int
    held: tuple[int, ...]

    card = Card("adjusted-effect", "Effect of setting a column", paper="arxiv:1608.00060")
    value = AdjustedEffectValue

    def cost(self, subject: Subject) -> float:
        return 1000 * min(MOST, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> AdjustedEffectValue:
        data, seed = subject.dataset, subject.seed_for(self)
        whole = labelled_rows(data)
        drawn = torch.from_numpy(np.random.default_rng(seed).permutation(len(whole))[:MOST])
        rows = drawn.sort().values
        part = whole.take(rows)
        if len(part) < FEWEST:
            raise NotAssessed(f"an effect needs {FEWEST} labelled rows; there are {len(part)}")
        treatment = treated(
            part.x[:, self.treatment].double().numpy(), data.features[self.treatment]
        )
        outcome = outcomes(data, part)
        blocks = blocks_of(data.features, part.x.double().numpy())
        held = np.hstack([np.empty((len(part), 0)), *(blocks[j] for j in self.held)])
        groups = clusters(data, part)
        try:
            effect = average_effect(treatment, outcome, held, seed=seed, groups=groups)
        except InputError as error:  # it is the rows that do not allow it
            raise NotAssessed(str(error)) from None
        progress.advance(0.4)
        # a straight line is enough to see whether the answer moves, and twenty times as fast
        found = list(refutations(treatment, outcome, held, seed=seed))
        return AdjustedEffectValue(
            rows,
            torch.from_numpy(effect.scores),
            effect.robustness,
            effect.unlike,
            tuple(one.name for one in found),
            torch.tensor([[one.value, one.expected, one.moved] for one in found]),
        )


def treated(column: np.ndarray, feature: Feature) -> np.ndarray:
    """Give 0 and 1 for two values (N,), another number in standard deviations."""
    values = np.unique(column)
    return (column == values[1]).astype(float) if len(values) == 2 else column / feature.scale


def outcomes(data: Dataset, rows: Split) -> np.ndarray:
    """Give targets (N,) in standard deviations of the training split, or 1 for the second class."""
    y = rows.y.double().numpy()
    return y if data.classes else y / max(float(data.train.y.double().std()), 1e-300)
