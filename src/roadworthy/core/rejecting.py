from dataclasses import replace

import torch
from torch import Tensor

from roadworthy.core.detector import FittedDetector
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, Offer

KEPT = frozenset({Offer.LABELS, Offer.SCORES, Offer.GRADIENTS})
HEIGHT = 10.0  # of the largest logit


class Rejecting(Model):
    """A model and its detector as one: the classes, and last an output that rejects the input.

    With logits Z and the detector's excess D over its threshold, in units of its usual distance to
    it, the last output is (D + 1) max Z: it is the largest exactly where the detector detects. A
    targeted attack that reaches a wrong class has thereby passed the detector too, and it follows
    the gradients of both.

    Source: Carlini and Wagner 2017, arXiv:1705.07263, the classifier G of the attacks with perfect
    knowledge.
    Differs from the paper: each input's logits are shifted so that the largest is `HEIGHT`, since
    the product only works where it is positive. That changes no probability among the classes.

    Args:
        model: answers; it offers scores.
        fitted: the detector.
    """

    def __init__(self, model: Model, fitted: FittedDetector) -> None:
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
        self.model, self.fitted = model, fitted

    def forward(self, x: Tensor) -> Tensor:
        logits = self.model(x)
        shifted = logits - logits.amax(1, keepdim=True) + HEIGHT
        rejected = (self.fitted.excess(self.model, x) + 1) * HEIGHT
        return torch.cat([shifted, rejected[:, None].to(shifted)], 1)

    def without_obstacles(self) -> Model | None:
        inner = self.model.without_obstacles()
        return inner and Rejecting(inner, self.fitted)

    def move(self, device: torch.device) -> None:
        self.model.move(device)
