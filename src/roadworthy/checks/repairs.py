"""Remedies that `roadworthy repair` applies."""

from roadworthy.core.artifact import Subject
from roadworthy.core.finding import Remedy
from roadworthy.core.model import Offer

TRAINS = {Offer.REFIT, Offer.GRADIENTS}  # what a network has that was trained here


def by_training(subject: Subject, text: str, strategy: str) -> Remedy:
    """Propose a strategy; only in words where the model's training cannot be changed from here."""
    return (
        by_guard(subject, text, strategy) if subject.model.spec.offers >= TRAINS else Remedy(text)
    )


def by_guard(subject: Subject, text: str, guard: str) -> Remedy:
    """Propose a guard, which wraps any model."""
    return Remedy(text, f"roadworthy repair {subject.arguments} --defense {guard}", guard)
