from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from roadworthy.artifacts.adversarial_examples import (
    IN_BATCHES,
    AdversarialExamples,
    nearest_errors,
    other_inputs,
)
from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.artifacts.predictions import Predictions
from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.attacks.evasion.spsa import SPSA
from roadworthy.attacks.losses import likely_wrong
from roadworthy.core.adaptive import adaptive
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.attack import EvasionAttack
from roadworthy.core.card import Card
from roadworthy.core.detector import FittedDetector, fit_detector
from roadworthy.core.driver import Limits, run_attack
from roadworthy.core.model import Model, Offer
from roadworthy.core.progress import Progress
from roadworthy.core.rejecting import Rejecting
from roadworthy.core.threat import Threat

STRONG = PGD(steps=100)
WITHOUT_GRADIENTS = SPSA(steps=50, directions=16)  # 1650 queries for each class
MOST_CLEAN = 2000
HEIGHTS = (1.0, 10.0)  # of logits in `Rejecting`: now one gets past a detector, now the other


@dataclass(frozen=True, eq=False)
class DetectionsValue:
    """How a detector scored clean and adversarial test rows, and which errors it let pass.

    Args:
        rows: (R,) which rows of the test split were attacked.
        threshold: scores above it are detected; set on training rows.
        clean: (M,) scores of test rows that were not attacked; of all, where none is left.
        adversarial: (R,) scores of what attacks found that do not know of the detector; NaN where
            they found nothing within the budget, or the model erred without them.
        is_undetected: (R,) bool: such an input, the row itself, or what an attack found that knows
            of the detector is an error that is not detected.
        is_blind: (R,) bool: most steps of every attack that knows of it had no gradient.
        knowing: names of the attacks that know of it; empty where none can attack this.
    """

    rows: Tensor
    threshold: float
    clean: Tensor
    adversarial: Tensor
    is_undetected: Tensor
    is_blind: Tensor
    knowing: tuple[str, ...]


@dataclass(frozen=True)
class Detections(Artifact[DetectionsValue]):
    """What a detector is worth against attacks that do not know of it, and against some that do.

    The latter attack model and detector as one (`Rejecting`), and aim at each of the most likely
    wrong classes in turn: what reaches one has passed the detector.

    Source: Carlini and Wagner 2017, arXiv:1705.07263.

    Args:
        detector: is judged.
        attacks: as they were run on the model alone, one after the other. Those that can be told a
            class attack the two as well, and a longer PGD with them, or SPSA where the model has no
            gradients.
        threat: what the attacker may do.
        n: at most this many test rows, drawn at random; more rows include fewer.
        target: the only class to reach; empty means any.
        limits: what each run may use.
        false_positives: share of clean inputs that may be detected.
        classes: how many of the most likely wrong classes are aimed at.
    """

    detector: Any
    attacks: tuple[EvasionAttack, ...]
    threat: Threat
    n: int
    target: str = ""
    limits: Limits = IN_BATCHES
    false_positives: float = 0.05
    classes: int = 3

    card = Card("detections", "Attacks on a detector", cost="minutes")
    value = DetectionsValue

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return (*self._static(), Predictions("test"))

    def cost(self, subject: Subject) -> float:
        passes = sum(sum(map(attack.passes_ahead, range(attack.steps))) for attack in self.attacks)
        rows = min(self.n, len(subject.dataset.test))
        return float(self.classes * len(HEIGHTS) * rows * (3 * STRONG.steps + passes))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> DetectionsValue:
        test, rows = subject.dataset.test, drawn_rows(subject, self.n)
        runs = [get(request) for request in self._static()]
        x, distance, _ = nearest_errors(rows, test.x[rows], runs)
        seed, device = subject.seed_for(self), subject.device
        fitted = fit_detector(
            self.detector, subject.model, subject.dataset, self.false_positives, seed, device
        )
        scores = fitted.scores(subject.model, x.to(device))
        is_error = distance <= self.threat.eps * (1 + 1e-5)
        is_static = is_error & ~fitted.detects(scores)
        others = drawn_rows(subject, len(test))[self.n :][:MOST_CLEAN]
        clean = test.x[others if len(others) else rows].to(device)
        is_undetected, is_blind, knowing = self._attack(
            subject, rows, is_static, fitted, get, progress
        )
        return DetectionsValue(
            rows=rows,
            threshold=fitted.threshold,
            clean=fitted.scores(subject.model, clean),
            adversarial=scores.where(is_error & (distance > 0), torch.nan),
            is_undetected=is_undetected,
            is_blind=is_blind,
            knowing=knowing,
        )

    def _attack(
        self,
        subject: Subject,
        rows: Tensor,
        is_static: Tensor,
        fitted: FittedDetector,
        get: Get,
        progress: Progress,
    ) -> tuple[Tensor, Tensor, tuple[str, ...]]:
        """Look for errors that are not detected on the rows that are left."""
        test, (low, high) = subject.dataset.test, subject.dataset.bounds
        seed, device = subject.seed_for(self), subject.device
        attacks = self._knowing(Rejecting(subject.model, fitted))
        plan = list(product(attacks, HEIGHTS, self._targets(subject, rows, get)))
        is_undetected, is_blind = is_static.clone(), torch.ones_like(is_static)
        for k, (attack, height, target) in enumerate(plan):
            left = (~is_undetected).nonzero()[:, 0]
            if not len(left):
                break
            found = run_attack(
                attack,
                Rejecting(subject.model, fitted, height),
                test.x[rows[left]].to(device),
                test.y[rows[left]].to(device),
                self.threat,
                target=target[left].to(device),
                bounds=(low.to(device), high.to(device)),
                ids=rows[left],
                pool=other_inputs(subject.dataset.train),
                limits=self.limits,
                seed=seed + k,
            )
            is_undetected[left] = self.threat.allows(found.distance).cpu()
            is_blind[left] &= (found.zero_gradient > 0.5).cpu()
            progress.advance((k + 1) / len(plan))
        is_blind &= ~is_undetected & bool(plan)
        return is_undetected, is_blind, tuple(attack.card.name for attack in attacks)

    def _static(self) -> tuple[AdversarialExamples, ...]:
        return tuple(
            AdversarialExamples(
                attack, self.threat, self.n, self.attacks[:k], self.target, self.limits
            )
            for k, attack in enumerate(self.attacks)
        )

    def _knowing(self, both: Model) -> tuple[EvasionAttack, ...]:
        """Choose the attacks that can be told a class and that have what they need."""
        offers = adaptive(both).spec.offers
        own = STRONG if Offer.GRADIENTS in offers else WITHOUT_GRADIENTS
        named = tuple(attack for attack in self.attacks if attack.is_targetable)
        return tuple(
            attack
            for attack in (*named, own)
            if attack.needs <= offers and self.threat.kind in attack.threats
        )

    def _targets(self, subject: Subject, rows: Tensor, get: Get) -> Iterator[Tensor]:
        """Give classes (R,) to aim at, one after the other."""
        only = self._static()[0].targets(subject, rows, get)
        if only is not None:
            yield only
            return
        y, outputs = subject.dataset.test.y[rows], get(Predictions("test")).outputs[rows]
        for rank in range(min(self.classes, outputs.shape[1] - 1)):
            yield likely_wrong(outputs, y, torch.full_like(y, rank))
