import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.core.training import Recipe
from roadworthy.networks import Part, build
from roadworthy.recipes.encoders import encoder_for
from roadworthy.training.trained import check_fits, trained

UNSEEN = -36.0  # logit of a class without rows: about the logarithm of the smallest step of a float


@dataclass(frozen=True)
class LogisticRegression(Recipe):
    """Fits a linear model of the logits, with a squared penalty on its weights.

    Numbers are standardized and categories one-hot encoded inside the model; images are flattened.
    The fit is scikit-learn's; the seed plays no part, for the optimum is unique.

    Args:
        strength: inverse of the penalty (scikit-learn's C).
        iterations: of L-BFGS, at most.
    """

    strength: float = 1.0
    iterations: int = 500

    card = Card("logistic-regression", "Logistic regression", aliases=("logreg", "linear"))
    tasks = frozenset({Task.NOMINAL, Task.ORDINAL})
    kinds = frozenset({"image", "tabular"})

    def fit(self, data: Dataset, rows: Split, seed: int, progress: Progress) -> Model:
        from sklearn.exceptions import ConvergenceWarning  # slow to import
        from sklearn.linear_model import LogisticRegression as Solver
        from threadpoolctl import threadpool_limits

        check_fits(self, data)
        if len(rows.y.unique()) < 2:
            raise InputError("logistic regression needs rows of at least two classes")
        encoder, inputs = encoder_for(data)
        parts = (encoder, Part("linear", {"inputs": inputs, "outputs": len(data.classes)}))
        with torch.random.fork_rng(devices=[]):  # the first weights are drawn and overwritten
            network = build(parts)
        network[0].measure(rows.x)
        encoded = network[0](rows.x).flatten(1).double().numpy()
        solver = Solver(C=self.strength, max_iter=self.iterations)
        # more threads take longer over small matrices, and may round otherwise
        with threadpool_limits(1), warnings.catch_warnings():
            # as good as the iterations allow: `iterations` is a setting, not a promise
            warnings.simplefilter("ignore", ConvergenceWarning)
            solver.fit(encoded, rows.y.numpy())
        _copy(solver, network[1].head)
        progress.advance(1.0)
        return trained(network, parts, self, data)


@torch.no_grad()
def _copy(solver: Any, layer: nn.Linear) -> None:
    weights = torch.from_numpy(solver.coef_).to(layer.weight)
    bias = torch.from_numpy(solver.intercept_).to(layer.bias)
    if len(solver.classes_) == 2:  # one logit: that of the second class
        weights = torch.cat([torch.zeros_like(weights), weights])
        bias = torch.cat([torch.zeros_like(bias), bias])
    seen = torch.from_numpy(solver.classes_)
    layer.weight.zero_()
    layer.bias.fill_(UNSEEN)
    layer.weight[seen], layer.bias[seen] = weights, bias
