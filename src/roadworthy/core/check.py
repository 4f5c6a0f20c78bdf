import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.errors import ArtifactError, InputError, NotAssessed
from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Finding, Threshold, Verdict, compare


def limit(default: float, good: Literal["below", "above"], why: str) -> Any:
    """Declare a check's threshold as a dataclass field.

    Args:
        default: the number.
        good: on which side of it a model should be.
        why: where the number comes from.
    """
    return dataclasses.field(default=default, metadata={"good": good, "why": why})


def limits(check: "Check | type[Check]") -> tuple["dataclasses.Field[Any]", ...]:
    """List the fields of a check that are thresholds."""
    return tuple(part for part in dataclasses.fields(check) if "good" in part.metadata)


@dataclass(frozen=True)
class Check(ABC):
    """Judges a subject from artifacts.

    A frozen dataclass: its fields are its thresholds (`limit`) and settings, which the policy file
    can change. `judge` is pure: it reads declared artifacts and never calls the model. `kinds` are
    the kinds of inputs that it can judge; it is not asked about others.
    """

    card: ClassVar[Card]
    code: ClassVar[str]
    area: ClassVar[str]
    kinds: ClassVar[frozenset[str]] = frozenset({"image", "tabular"})

    @abstractmethod
    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        """Name the artifacts that the judgment reads.

        Raises:
            NotAssessed: the check does not apply to this subject.
        """

    @abstractmethod
    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        """Conclude at least one finding, each with its own scope.

        Raises:
            NotAssessed: the artifacts do not carry a judgment.
        """

    @final
    def threshold(self, name: str) -> Threshold:
        """Give one of the check's limits, with where its number comes from."""
        part = next(part for part in limits(self) if part.name == name)
        value = float(getattr(self, name))
        source = f"default: {part.metadata['why']}" if value == part.default else "policy file"
        return Threshold(name, value, part.metadata["good"], source)

    @final
    def finding(
        self,
        claim: str,
        *,
        verdict: Verdict | None = None,
        estimate: Measure | None = None,
        threshold: Threshold | None = None,
        scope: str = "",
        **parts: Any,
    ) -> Finding:
        """Make a finding of this check; the verdict follows from estimate and threshold.

        Args:
            claim: one plain sentence.
            verdict: only where there is no estimate to judge by.
            estimate: the number that is judged.
            threshold: what it is judged by.
            scope: which part of the check, where it gives several findings.
            parts: the finding's other fields.
        """
        if verdict is None:
            assert estimate is not None, "a finding needs a verdict or an estimate"
            assert threshold is not None, "an estimate is judged by a threshold"
            verdict = compare(estimate, threshold)
        return Finding(
            code=self.code,
            scope=scope,
            area=self.area,
            check=self.card.name,
            title=self.card.title if not scope else f"{self.card.title} ({scope})",
            verdict=verdict,
            claim=claim,
            estimate=estimate,
            threshold=threshold,
            references=(self.card.paper,) if self.card.paper else (),
            **parts,
        )


def needs_of(check: Check, subject: Subject) -> tuple[Artifact[Any], ...]:
    """Name the artifacts that a check needs, if it can judge this kind of input.

    Raises:
        NotAssessed: the check does not apply to this kind of input, or to this subject.
    """
    if subject.dataset.kind not in check.kinds:
        known = " and ".join(sorted(check.kinds))
        raise NotAssessed(
            f"{subject.dataset.kind} is not a kind of input that {check.card.name} can judge: it "
            f"knows {known} inputs"
        )
    return check.needs(subject)


def run_check(check: Check, subject: Subject, get: Get) -> tuple[Finding, ...]:
    """Judge, turning what prevents a judgment into a finding that says so."""
    try:
        return check.judge(subject, get)
    except NotAssessed as reason:
        return (not_assessed(check, str(reason)),)
    except ArtifactError as cause:
        return (failed(check, str(cause)),)
    except InputError:
        raise
    except Exception as error:
        # one broken check must not take the others down, and must not look like a pass
        return (failed(check, f"{type(error).__name__}: {error}"),)


def not_assessed(check: Check, reason: str, scope: str = "", **parts: Any) -> Finding:
    """Say that a check, or a part of it, could not be judged, and why."""
    claim = "This was not assessed; it is not a pass."
    return check.finding(claim, verdict=Verdict.NOT_ASSESSED, scope=scope, reason=reason, **parts)


def failed(check: Check, cause: str) -> Finding:
    """Say that a check broke, and by what."""
    claim = "This could not be judged because something it needs failed; it is not a pass."
    return check.finding(claim, verdict=Verdict.ERROR, reason=cause)
