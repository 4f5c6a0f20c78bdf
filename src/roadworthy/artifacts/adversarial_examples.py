from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.artifacts.predictions import Predictions
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.attack import AttackResult, EvasionAttack, Reason
from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.driver import Limits, run_attack
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Threat

IN_BATCHES = Limits(batch=256)
MOST_OTHERS = 2000  # training rows that an attack may start from


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
        clean_margin: (R,) by how much the attacker's aim led at the start, in logits.
        margin: (R,) the same at its best.
        theta: (R, P) parameters of the change, where it has some.
    """

    rows: Tensor
    x: Tensor
    distance: Tensor
    success: Tensor
    reason: Tensor
    forward: Tensor
    backward: Tensor
    zero_gradient: Tensor
    clean_margin: Tensor
    margin: Tensor
    theta: Tensor

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
        after: attacks that ran before: only rows that all of them left standing are attacked,
            unless the attack looks for the nearest error.
        target: the class to reach: a name, `next`, `random` or `least-likely`; empty means any.
        limits: what the attack may use.
        is_static: the attack works on the model without its guards, of which it does not know.
    """

    attack: EvasionAttack
    threat: Threat
    n: int
    after: tuple[EvasionAttack, ...] = ()
    target: str = ""
    limits: Limits = IN_BATCHES
    is_static: bool = False

    card = Card("adversarial-examples", "Adversarial examples", cost="minutes")
    value = AdversarialExamplesValue

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        before = tuple(
            replace(self, attack=attack, after=self.after[:k])
            for k, attack in enumerate(self.after)
        )
        return (*before, Predictions("test")) if self.target == "least-likely" else before

    def cost(self, subject: Subject) -> float:
        passes = sum(self.attack.passes_ahead(step) for step in range(self.attack.steps))
        return float(passes * min(self.n, len(subject.dataset.test)))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> AdversarialExamplesValue:
        test, rows = subject.dataset.test, drawn_rows(subject, self.n)
        for earlier in self.needs(subject):
            if isinstance(earlier, AdversarialExamples) and not self.attack.is_minimal:
                found = get(earlier)
                beaten = found.beaten_within(self.threat.eps)
                rows = rows[~torch.isin(rows, found.rows[beaten])]
        if not len(rows):
            return _nothing(test.x, self.threat)
        low, high = subject.dataset.bounds
        result = run_attack(
            self.attack,
            subject.model,
            test.x[rows].to(subject.device),
            test.y[rows].to(subject.device),
            self.threat,
            target=self.targets(subject, rows, get),
            bounds=(low.to(subject.device), high.to(subject.device)),
            ids=rows,
            pool=other_inputs(subject.dataset.train),
            surrogate=subject.model.undefended() if self.is_static else None,
            limits=self.limits,
            seed=subject.seed_for(self),
            progress=progress,
        )
        columns = {part.name: getattr(result, part.name).cpu() for part in fields(AttackResult)}
        return AdversarialExamplesValue(rows=rows, **columns)

    def targets(self, subject: Subject, rows: Tensor, get: Get) -> Tensor | None:
        """Give the class to reach of each test row: (R,); None where any will do."""
        if not self.target:
            return None
        y, classes = subject.dataset.test.y[rows], len(subject.dataset.classes)
        if self.target == "next":
            target = (y + 1) % classes
        elif self.target == "random":
            streams = Streams.of(subject.seed_for("random targets"), rows)
            target = (y + 1 + streams.integers(torch.full_like(y, classes - 1))) % classes
        elif self.target == "least-likely":
            target = get(Predictions("test")).outputs[rows].argmin(1)
        else:
            if self.target not in subject.dataset.classes:
                known = ", ".join(subject.dataset.classes[:10])
                raise NotAssessed(f"there is no class {self.target!r} to reach: {known}")
            target = torch.full_like(y, subject.dataset.classes.index(self.target))
        return target.to(subject.device)


def nearest_errors(
    rows: Tensor, x: Tensor, runs: Sequence[AdversarialExamplesValue]
) -> tuple[Tensor, Tensor, Tensor]:
    """Put together the nearest error of each row that any of several attacks found.

    Args:
        rows: (R,) all test rows that were attacked.
        x: (R, …) their inputs.
        runs: what each attack found on the rows that it saw.

    Returns:
        Inputs (R, …), the row itself where none was found; distances (R,), 0 where already wrong
        and infinite where none was found; and which run found it (R,), -1 where none did.
    """
    x, distance = x.clone(), torch.full((len(rows),), float("inf"), dtype=x.dtype)
    found_by = torch.full((len(rows),), -1)
    place = {row: k for k, row in enumerate(rows.tolist())}
    for index, found in enumerate(runs):
        at = torch.tensor([place[row] for row in found.rows.tolist()], dtype=torch.int64)
        better = found.success & (found.distance < distance[at])
        x[at[better]], distance[at[better]] = found.x[better], found.distance[better]
        found_by[at[better]] = index
    return x, distance, found_by


def other_inputs(train: Split) -> tuple[Tensor, Tensor]:
    """Give training rows that an attack may start from: the first, and one of each class."""
    first_of_class = [(train.y == k).nonzero()[0] for k in train.y.unique()]
    rows = torch.cat([torch.arange(len(train))[:MOST_OTHERS], *first_of_class]).unique()
    return train.x[rows], train.y[rows]


def _nothing(x: Tensor, threat: Threat) -> AdversarialExamplesValue:
    """Say that no row was left to attack."""
    none = torch.zeros(0, dtype=torch.int64)
    number = torch.zeros(0, dtype=x.dtype)
    return AdversarialExamplesValue(
        rows=none,
        x=x[:0],
        distance=number,
        success=none.bool(),
        reason=none,
        forward=none,
        backward=none,
        zero_gradient=number,
        clean_margin=number,
        margin=number,
        theta=threat.neutral(x[:1])[:0],
    )
