from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from roadworthy.artifacts.adversarial_examples import IN_BATCHES, AdversarialExamplesValue
from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.artifacts.predictions import Predictions
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.attack import AttackResult, EvasionAttack
from roadworthy.core.card import Card
from roadworthy.core.driver import run_attack
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Threat
from roadworthy.recipes.mlp import MLP

MOST = 2000  # training rows that the copy learns from
COPY = MLP(epochs=20)
PASSES = 3 * COPY.epochs  # of a small network, per row that it learns from


@dataclass(frozen=True)
class TransferExamples(Artifact[AdversarialExamplesValue]):
    """Inputs made on a copy of the model, as an attacker makes them who sees only its answers.

    The copy is a small perceptron that learns the model's own choices on training rows. It needs
    no gradients of the model, so it shows errors that misleading gradients hide.

    Source: Papernot et al. 2016, arXiv:1605.07277.

    Args:
        attack: works on the copy.
        threat: what the attacker may do.
        n: at most this many test rows, drawn at random; more rows include fewer.
    """

    attack: EvasionAttack
    threat: Threat
    n: int

    card = Card("transfer-examples", "Adversarial examples made on a copy")
    value = AdversarialExamplesValue

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return (Predictions("train"),)

    def cost(self, subject: Subject) -> float:
        return float(PASSES * min(MOST, len(subject.dataset.train)) + 2 * self.n)

    def compute(self, subject: Subject, get: Get, progress: Progress) -> AdversarialExamplesValue:
        data, seed = subject.dataset, subject.seed_for(self)
        answers = replace(data.train, y=get(Predictions("train")).choice)
        some = drawn_rows(subject, MOST, "train")
        copy = COPY.fit(data, answers.take(some), seed, progress)
        rows = drawn_rows(subject, self.n)
        low, high = data.bounds
        copy.move(torch.device(subject.device))
        result = run_attack(
            self.attack,
            subject.model,
            data.test.x[rows].to(subject.device),
            data.test.y[rows].to(subject.device),
            self.threat,
            bounds=(low.to(subject.device), high.to(subject.device)),
            ids=rows,
            surrogate=copy,
            limits=IN_BATCHES,
            seed=seed,
            progress=progress,
        )
        columns = {part.name: getattr(result, part.name).cpu() for part in fields(AttackResult)}
        return AdversarialExamplesValue(rows=rows, **columns)
