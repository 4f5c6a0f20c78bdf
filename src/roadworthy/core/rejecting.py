from dataclasses import replace

import torch
from torch import Tensor

from roadworthy.core.detector import FittedDetector
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, Offer

KEPT = frozenset({Offer.LABELS, Offer.SCORES, Offer.GRADIENTS})
HEIGHT = 1.0


class Rejecting(Model):
    """A model and its detector as one: the classes, and last an output that rejects the input.

    With logits Z and the detector's excess D over its threshold, in units of its usual distance to
    it, the last output is (D + 1) max Z: it is the largest exactly where the detector detects. A
    targeted attack that reaches a wrong class has thereby passed the detector too, and it follows
    the gradients of both.

    Source: Carlini and Wagner 2017, arXiv:1705.07263, the classifier G of the attacks with perfect
    knowledge.
    Differs from the paper: each input's logits are shifted so that the largest is `height`, since
    the product only works where it is positive. That changes no probability among the classes.

    Args:
        model: answers; it offers scores.
        fitted: the detector.
        height: of the largest logit: how much the detector weighs in gradients, not in decisions.
    """

    def __init__(self, model: Model, fitted: FittedDetector, height: float = HEIGHT) -> None:
        spec = model.spec
        name = fitted.detector.card.name
        learned = dict(fitted.learned)
        super().__init__(
            replace(
                spec,
                name=f"{spec.name} behind {name}",
                outputs=spec.outputs + 1,
                offers=spec.offers & KEPT,
                fingerprint=fingerprint(
                    spec.fingerprint, repr(fitted.detector), learned, fitted.threshold
                ),
            )
        )
        self.model, self.fitted, self.height = model, fitted, height

    def forward(self, x: Tensor) -> Tensor:
        logits = self.model(x)
        shifted = logits - logits.amax(1, keepdim=True) + self.height
        rejected = (self.fitted.excess(self.model, x) + 1) * self.height
        return torch.cat([shifted, rejected[:, None].to(shifted)], 1)

    def without_obstacles(self) -> Model | None:
        inner = self.model.without_obstacles()
        return inner and Rejecting(inner, self.fitted, self.height)

    def move(self, device: torch.device) -> None:
        self.model.move(device)
