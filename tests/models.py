"""Tiny deterministic models for tests."""

import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch import Tensor

from roadworthy.core.dataset import Split, Task
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, ModelSpec, Offer

GRADED = frozenset({Offer.LABELS, Offer.SCORES, Offer.GRADIENTS})


class Echo(Model):
    """Gives its inputs back as logits, so that a test can choose what the model says."""

    def __init__(self, classes: int, offers: frozenset[Offer] = GRADED) -> None:
        super().__init__(ModelSpec("echo", Task.NOMINAL, (classes,), classes, offers, "echo"))

    def forward(self, x: Tensor) -> Tensor:
        return x


class LinearModel(Model):
    """Logits x @ weight + bias of flattened inputs; without classes, a number."""

    def __init__(
        self, weight: Tensor, bias: Tensor, shape: tuple[int, ...], task: Task = Task.NOMINAL
    ) -> None:
        outputs = weight.shape[1]
        name = fingerprint(weight, bias)
        super().__init__(ModelSpec("linear", task, shape, outputs, GRADED, name))
        self.weight, self.bias = weight, bias

    def forward(self, x: Tensor) -> Tensor:
        outputs = x.flatten(1) @ self.weight + self.bias
        return outputs[:, 0] if self.spec.task == Task.REGRESSION else outputs


class Logistic(Model):
    """Logistic regression on standardized inputs: deterministic, and it can be fitted again.

    Args:
        rows: what it is fitted on; all classes must occur.
        classes: how many classes there are.
        offers: what it lets others do.
    """

    def __init__(
        self, rows: Split, classes: int, offers: frozenset[Offer] = GRADED | {Offer.REFIT}
    ) -> None:
        x = rows.x.flatten(1).double()
        self.mean, spread = x.mean(0), x.std(0)
        self.spread = torch.where(spread > 0, spread, 1.0)
        solver = LogisticRegression(C=0.3, tol=1e-3, max_iter=500)
        with threadpool_limits(
            1
        ):  # on a busy machine threads for so little work wait on each other
            fitted = solver.fit((x - self.mean) / self.spread, rows.y)
        weight, bias = torch.tensor(fitted.coef_.T), torch.tensor(fitted.intercept_)
        if classes == 2:  # scikit-learn gives the logit of the second class only
            weight, bias = (torch.cat([-part / 2, part / 2], -1) for part in (weight, bias))
        self.weight, self.bias = weight, bias
        shape, name = tuple(rows.x.shape[1:]), fingerprint(weight, bias)
        super().__init__(ModelSpec("logistic", Task.NOMINAL, shape, classes, offers, name))

    def forward(self, x: Tensor) -> Tensor:
        standardized = (x.flatten(1).double() - self.mean) / self.spread
        return (standardized @ self.weight + self.bias).float()

    def refit(self, rows: Split, seed: int) -> Model:
        return Logistic(rows, self.spec.outputs, self.spec.offers)
