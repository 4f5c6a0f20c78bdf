from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.learner import seen
from roadworthy.artifacts.quick_model import class_ranking, cross_fitted_ridge, one_hot
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Ranking
from roadworthy.core.groups import named_groups
from roadworthy.core.progress import Progress

FOLDS = 3
MOST = 2000
LEAVES = 8
ROWS_PER_LEAF = 20
TOGETHER = "all inputs together"


@dataclass(frozen=True, eq=False)
class AttributeProxiesValue:
    """How well columns rank the groups of an attribute.

    Args:
        rows: (R,) rows of the training split that were judged.
        columns: what was looked at: each column of a table, and all inputs together.
        auc: (C,) averaged over groups.
        influence: (C, R) how far each row moves it.
        pairs: (C,) how many pairs of rows share none.
    """

    rows: Tensor
    columns: tuple[str, ...]
    auc: Tensor
    influence: Tensor
    pairs: Tensor

    def ranking(self, k: int) -> Ranking:
        """Give what an interval is made of, for one column."""
        return Ranking(float(self.auc[k]), self.influence[k].numpy(), int(self.pairs[k]))


@dataclass(frozen=True)
class AttributeProxies(Artifact[AttributeProxiesValue]):
    """How well the inputs tell an attribute such as sex or race.

    A decision tree of at most 8 leaves on each column of a table but the attribute itself, and a
    ridge regression on all inputs together, cross-fitted on three folds of at most 2000 training
    rows; rows of one group lie in one fold.

    Args:
        attribute: a metadata column; numbers of many values are cut at their quartiles.
    """

    attribute: str

    card = Card("attribute-proxies", "What tells an attribute")
    value = AttributeProxiesValue

    def cost(self, subject: Subject) -> float:
        return 10 * min(MOST, len(subject.dataset.train)) * (1 + len(subject.dataset.features))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> AttributeProxiesValue:
        data, seed = subject.dataset, subject.seed_for(self)
        rows = some_rows(len(data.train), MOST, seed)
        part = data.train.take(rows)
        groups = named_groups(part.columns[self.attribute])
        code = np.unique(groups, return_inverse=True)[1]
        if code.max() == 0:
            raise NotAssessed(f"all training rows have the same {self.attribute!r}")
        fold = folds_of(part, clusters(data, part), FOLDS, seed).numpy()
        x = seen(part)
        kept = [j for j, feature in enumerate(data.features) if feature.name != self.attribute]
        names, rankings = [], []
        for j in kept:  # by column: each has trees of its own
            names.append(data.features[j].name)
            rankings.append(class_ranking(_by_trees(x[:, [j]], code, fold), code))
            progress.advance(len(names) / (len(kept) + 1))
        whole = x[:, kept] if data.features else x
        names.append(TOGETHER)
        rankings.append(class_ranking(cross_fitted_ridge(whole, one_hot(code), fold), code))
        return AttributeProxiesValue(
            rows,
            tuple(names),
            torch.tensor([ranking.value for ranking in rankings], dtype=torch.float64),
            torch.from_numpy(np.stack([ranking.influence for ranking in rankings])),
            torch.tensor([ranking.pairs for ranking in rankings]),
        )


def _by_trees(x: np.ndarray, code: np.ndarray, fold: np.ndarray) -> np.ndarray:
    from sklearn.tree import DecisionTreeClassifier  # slow to import

    scores = np.zeros((len(code), int(code.max()) + 1))
    for k in range(FOLDS):
        own = fold == k
        tree = DecisionTreeClassifier(
            max_leaf_nodes=LEAVES, min_samples_leaf=ROWS_PER_LEAF, random_state=0
        ).fit(x[~own], code[~own])
        scores[np.ix_(own, tree.classes_)] = tree.predict_proba(x[own])
    return scores
