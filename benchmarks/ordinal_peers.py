"""Heads and losses of other libraries, behind the interface of ours, so that all else is the same.

Each is used as its documentation says. A layer that brings weights of its own gets what a linear
layer of one output gives.
"""

import importlib
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import one_hot

from roadworthy.networks.head import Head

REPORTED = ("coral-pytorch", "dlordinal", "mord", "spacecutter")


class Peer(Head):
    """A head whose answers are classes.

    Args:
        classes: how many there are.
    """

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def answers(self, raw):
        return raw.argmax(1)

    def forward(self, raw):
        return one_hot(self.answers(raw), self.classes).float()


class CoralPytorchCoral(Peer):
    def __init__(self, classes):
        from coral_pytorch.layers import CoralLayer

        super().__init__(classes)
        self.layer = CoralLayer(1, classes)

    def loss(self, raw, targets):
        from coral_pytorch.dataset import levels_from_labelbatch
        from coral_pytorch.losses import coral_loss

        levels = levels_from_labelbatch(targets, self.classes).float()
        return coral_loss(self.layer(raw), levels, reduction=None)

    def answers(self, raw):
        from coral_pytorch.dataset import proba_to_label

        return proba_to_label(self.layer(raw).sigmoid())


class CoralPytorchCorn(Peer):
    def loss(self, raw, targets):
        from coral_pytorch.losses import corn_loss

        return corn_loss(raw, targets, self.classes).expand(len(raw))

    def answers(self, raw):
        from coral_pytorch.dataset import corn_label_from_logits

        return corn_label_from_logits(raw)


class SpacecutterLogistic(Peer):
    def __init__(self, classes):
        from spacecutter.models import LogisticCumulativeLink

        super().__init__(classes)
        self.link = LogisticCumulativeLink(classes)

    def loss(self, raw, targets):
        from spacecutter.losses import cumulative_link_loss

        cut = self.link.cutpoints.data
        for i in range(len(cut) - 1):  # as its AscensionCallback does, which needs skorch
            cut[i] = torch.minimum(cut[i], cut[i + 1])
        return cumulative_link_loss(self.link(raw), targets[:, None], "none")[:, 0]

    def answers(self, raw):
        return self.link(raw).argmax(1)


class DlordinalCLM(Peer):
    def __init__(self, classes):
        from dlordinal.output_layers import CLM

        super().__init__(classes)
        self.link = CLM(classes, "logit")

    def loss(self, raw, targets):
        own = self.link(raw).gather(1, targets[:, None])[:, 0]
        return -own.clamp_min(1e-12).log()

    def answers(self, raw):
        return self.link(raw).argmax(1)


class DlordinalLoss(Peer):
    """Logits of classes, by a loss that gives the mean of a batch."""

    def make(self, losses):
        raise NotImplementedError

    def measure(self, y):
        self.y = y
        self.criterion = self.make(importlib.import_module("dlordinal.losses"))

    def loss(self, raw, targets):
        return self.criterion(raw, targets).expand(len(raw))


class DlordinalTriangular(DlordinalLoss):
    def make(self, losses):
        return losses.TriangularCrossEntropyLoss(num_classes=self.classes)


class DlordinalSORD(DlordinalLoss):
    def make(self, losses):
        return losses.SORDLoss(alpha=1.0, num_classes=self.classes, train_targets=self.y)


class DlordinalEMD(DlordinalLoss):
    def make(self, losses):
        return losses.EMDLoss(self.classes)


class DlordinalCDW(DlordinalLoss):
    def make(self, losses):
        return losses.CDWCELoss(self.classes)


# name to the head, and how many outputs of the network it takes
HEADS: dict[str, tuple[type[Peer], Callable[[int], int]]] = {
    "coral-pytorch CORAL": (CoralPytorchCoral, lambda classes: 1),
    "coral-pytorch CORN": (CoralPytorchCorn, lambda classes: classes - 1),
    "spacecutter logistic": (SpacecutterLogistic, lambda classes: 1),
    "dlordinal CLM": (DlordinalCLM, lambda classes: 1),
    "dlordinal triangular": (DlordinalTriangular, lambda classes: classes),
    "dlordinal SORD": (DlordinalSORD, lambda classes: classes),
    "dlordinal EMD": (DlordinalEMD, lambda classes: classes),
    "dlordinal CDW-CE": (DlordinalCDW, lambda classes: classes),
}
LINEAR = {"mord LogisticAT": "LogisticAT", "mord LogisticIT": "LogisticIT"}


def is_there(name: str) -> bool:
    """Say whether the library that a method is of can be imported."""
    try:
        importlib.import_module(name.split()[0].replace("-", "_"))
    except ImportError:
        return False
    return True


def linear_answers(name: str, x: np.ndarray, y: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Fit one of mord's linear models on rows (N, D) and give its classes of others (M, D)."""
    import mord

    model = getattr(mord, LINEAR[name])().fit(x, y)
    return np.asarray(model.predict(of)).astype(int)
