"""Remedies that `roadworthy repair` applies."""

import shlex

from roadworthy.core.artifact import Subject
from roadworthy.core.finding import Remedy
from roadworthy.core.model import Offer
from roadworthy.guards import GUARDS

TRAINS = {Offer.REFIT, Offer.GRADIENTS}  # what a network has that was trained here


def by_training(
    subject: Subject, text: str, strategy: str, *, is_first: bool = True, **settings: object
) -> Remedy:
    """Propose a strategy with settings.

    In words only where the model's training cannot be changed from here.
    """
    if not subject.model.spec.offers >= TRAINS:
        return Remedy(text)
    return _applied(subject, text, strategy, settings, is_first)


def by_guard(
    subject: Subject, text: str, guard: str, *, is_first: bool = True, **settings: object
) -> Remedy:
    """Propose a guard with settings; in words only where it does not know this kind of input."""
    if subject.dataset.kind not in GUARDS.get(guard).kinds:
        return Remedy(text)
    return _applied(subject, text, guard, settings, is_first)


def _applied(
    subject: Subject, text: str, defense: str, settings: dict[str, object], is_first: bool
) -> Remedy:
    """Only a finding's first choice is applied when a whole report is repaired."""
    given = tuple(f"{defense}.{field}={value}" for field, value in settings.items())
    words = [f"--defense {defense}", *(f"--set {shlex.quote(setting)}" for setting in given)]
    command = f"roadworthy repair {subject.arguments} {' '.join(words)}"
    return Remedy(text, command, defense, given) if is_first else Remedy(text, command)
