from dataclasses import dataclass

from torch import Tensor

from roadworthy.artifacts.certifiers import certifier_for
from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Ball


@dataclass(frozen=True, eq=False)
class CertifiedRadiiValue:
    """What is proven of some test rows.

    Args:
        rows: (R,) which rows of the test split.
        radius: (R,) within which the right answer is proven, in the ball's units and at most its
            radius; -1 where the model errs, or does not lead by enough at the row itself.
        method: what proved it.
        doubt: chance that a radius is wrong; 0 where it is proven outright.
    """

    rows: Tensor
    radius: Tensor
    method: str
    doubt: float

    def holds_at(self, eps: float) -> Tensor:
        """(R,) bool: the right answer is proven within a radius."""
        return self.radius >= eps


@dataclass(frozen=True)
class CertifiedRadii(Artifact[CertifiedRadiiValue]):
    """How far around test rows the right answer is proven, whatever the attack.

    Of a network by bounds of its layers, of trees by the leaves within reach, of a smoothed model
    by its votes under noise.

    Args:
        ball: says the norm and the units; its radius is the largest that is looked at.
        n: at most this many test rows, drawn at random; more rows include fewer.
    """

    ball: Ball
    n: int

    card = Card("certified-radii", "Certified radii", cost="minutes")
    value = CertifiedRadiiValue

    def cost(self, subject: Subject) -> float:
        rows = min(self.n, len(subject.dataset.test))
        return float(certifier_for(subject.model).passes * rows)

    def compute(self, subject: Subject, get: Get, progress: Progress) -> CertifiedRadiiValue:
        certifier = certifier_for(subject.model)
        if self.ball.norm not in certifier.norms:
            raise NotAssessed(f"{certifier.name} proves nothing in {self.ball.norm}")
        test, rows = subject.dataset.test, drawn_rows(subject, self.n)
        low, high = subject.dataset.bounds
        radius = certifier.radii(
            test.x[rows].to(subject.device),
            test.y[rows].to(subject.device),
            rows,
            self.ball,
            (low.to(subject.device), high.to(subject.device)),
            subject.seed_for(self),
        )
        progress.advance(1.0)
        value = radius.double().cpu()
        return CertifiedRadiiValue(rows, value, certifier.name, certifier.doubt)
