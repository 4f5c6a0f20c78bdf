"""Remedies that `roadworthy repair` applies."""

from roadworthy.core.artifact import Subject
from roadworthy.core.finding import Remedy
from roadworthy.core.model import Offer
from roadworthy.guards import GUARDS

TRAINS = {Offer.REFIT, Offer.GRADIENTS}  # what a network has that was trained here


def by_training(subject: Subject, text: str, strategy: str, *, is_first: bool = True) -> Remedy:
    """Propose a strategy; in words only where the model's training cannot be changed from here."""
    if not subject.model.spec.offers >= TRAINS:
        return Remedy(text)
    return _applied(subject, text, strategy, is_first)


def by_guard(
    subject: Subject, text: str, guard: str, *settings: str, is_first: bool = True
) -> Remedy:
    """Propose a guard with settings; in words only where it does not know this kind of input."""
    if subject.dataset.kind not in GUARDS.get(guard).kinds:
        return Remedy(text)
    words = [word for setting in settings for word in ("--set", setting)]
    return _applied(subject, text, " ".join([guard, *words]), is_first)


def _applied(subject: Subject, text: str, defense: str, is_first: bool) -> Remedy:
    """Only a finding's first choice is applied when a whole report is repaired."""
    command = f"roadworthy repair {subject.arguments} --defense {defense}"
    return Remedy(text, command, defense if is_first else "")
