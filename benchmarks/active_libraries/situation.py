"""What every query is shown: the same inputs, labels and trained models."""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

MEMBERS = 5  # of a committee


def fit(x, y, weights=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(max_iter=200).fit(x, y, weights)


@dataclass
class Situation:
    """Some rows are labelled, the others are the pool.

    Args:
        x: (N, D) standardized inputs of all rows.
        labelled: places of the labelled rows.
        y: their classes.
        classes: how many there are.
        seed: of what is drawn.
        kept: what a library wants to find again in the next round.
    """

    x: np.ndarray
    labelled: np.ndarray
    y: np.ndarray
    classes: int
    seed: int
    kept: dict

    @cached_property
    def pool(self):
        return np.setdiff1d(np.arange(len(self.x)), self.labelled)

    @cached_property
    def model(self):
        return fit(self.x[self.labelled], self.y)

    @cached_property
    def weights(self):
        """(M, L) weights of the labels for each member of a committee: Bayesian bootstrap."""
        # unlike rows drawn with replacement, they leave no class out
        generator = np.random.default_rng([self.seed, len(self.y)])
        return generator.exponential(size=(MEMBERS, len(self.y)))

    @cached_property
    def committee(self):
        return [fit(self.x[self.labelled], self.y, weights) for weights in self.weights]

    @cached_property
    def targets(self):
        """(N,) classes, and NaN where there is no label."""
        targets = np.full(len(self.x), np.nan)
        targets[self.labelled] = self.y
        return targets

    def scores(self, model):
        """(U, K) log-probabilities of the pool; classes without a label are out of the question."""
        scores = np.full((len(self.pool), self.classes), -np.inf)
        scores[:, model.classes_] = model.predict_log_proba(self.x[self.pool])
        return scores

    def prepare(self, needs):
        """Train what a query needs, so that its time is that of choosing alone."""
        for name, part in (("scores", "model"), ("members", "committee")):
            if name in needs:
                getattr(self, part)
