from dataclasses import dataclass

from torch import Tensor

from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.attack import EvasionAttack, Reason
from roadworthy.core.card import Card
from roadworthy.core.driver import Limits, run_attack
from roadworthy.core.model import Offer
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Threat

BATCH = 256


@dataclass(frozen=True, eq=False)
class AdversarialExamplesValue:
    """What an attack found on some test rows.

    Args:
        rows: (R,) which rows of the test split were attacked.
        x: (R, …) adversarial inputs; the original where there is none.
        distance: (R,) in the ball's units: 0 where already wrong, infinite where none was found.
        success: (R,) bool: an adversarial input was found, or the model erred anyway.
        reason: (R,) how each attack ended, a `Reason` each.
        forward: (R,) forward passes.
        backward: (R,) backward passes.
        zero_gradient: (R,) share of the steps whose gradient was exactly zero.
    """

    rows: Tensor
    x: Tensor
    distance: Tensor
    success: Tensor
    reason: Tensor
    forward: Tensor
    backward: Tensor
    zero_gradient: Tensor

    @property
    def is_wrong(self) -> Tensor:
        """(R,) bool: the model erred without being attacked."""
        return self.reason == Reason.ALREADY_WRONG

    def beaten_within(self, eps: float) -> Tensor:
        """(R,) bool: an error lies within a radius."""
        # the attack's own last digit must not count against it
        return self.distance <= eps * (1 + 1e-5)


@dataclass(frozen=True)
class AdversarialExamples(Artifact[AdversarialExamplesValue]):
    """Inputs near test rows on which the model errs, as far as an attack finds them.

    Args:
        attack: looks for them.
        threat: what the attacker may do.
        n: at most this many test rows, drawn at random; more rows include fewer.
    """

    attack: EvasionAttack
    threat: Threat
    n: int

    card = Card("adversarial-examples", "Adversarial examples", cost="minutes")
    value = AdversarialExamplesValue

    def cost(self, subject: Subject) -> float:
        passes = 3 if Offer.GRADIENTS in self.attack.needs else 1
        return float(passes * self.attack.steps * min(self.n, len(subject.dataset.test)))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> AdversarialExamplesValue:
        test, rows = subject.dataset.test, drawn_rows(subject, self.n)
        low, high = subject.dataset.bounds
        result = run_attack(
            self.attack,
            subject.model,
            test.x[rows].to(subject.device),
            test.y[rows].to(subject.device),
            self.threat,
            bounds=(low.to(subject.device), high.to(subject.device)),
            ids=rows,
            limits=Limits(batch=BATCH),
            seed=subject.seed_for(self),
            progress=progress,
        )
        return AdversarialExamplesValue(
            rows=rows,
            x=result.x.cpu(),
            distance=result.distance.cpu(),
            success=result.success.cpu(),
            reason=result.reason.cpu(),
            forward=result.forward.cpu(),
            backward=result.backward.cpu(),
            zero_gradient=result.zero_gradient.cpu(),
        )
