from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Finding, Verdict
from roadworthy.core.report import Report


class Effect(StrEnum):
    """What became of the number that a finding is judged by."""

    BETTER = "better"  # the intervals do not overlap
    WORSE = "worse"
    UNCLEAR = "no clear change"  # the intervals overlap
    UNTRUSTED = "not to be trusted"  # an alarm says that the test afterwards may have failed
    UNJUDGED = "not judged"  # it was not assessed before or after, or no limit says what is good


@dataclass(frozen=True)
class Change:
    """One finding in two inspections.

    Args:
        before: the finding in the earlier inspection.
        after: the finding in the later one.
        effect: what became of its estimate.
    """

    before: Finding
    after: Finding
    effect: Effect


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two inspections, finding by finding.

    Args:
        before: the earlier inspection.
        after: the later one.
    """

    before: Report
    after: Report

    unchanged: ClassVar[str] = "Nothing changed beyond chance."

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every finding that both have and that has an estimate in either."""
        old = {finding.key: finding for finding in self.before.findings}
        return tuple(
            Change(old[new.key], new, effect_on(old[new.key], new))
            for new in self.after.findings
            if new.key in old and (new.estimate or old[new.key].estimate)
        )

    @property
    def sentence(self) -> str:
        """Say in one sentence what became better and what worse."""
        named = {
            effect: ", ".join(c.after.title.lower() for c in self.changes if c.effect == effect)
            for effect in (Effect.BETTER, Effect.WORSE, Effect.UNTRUSTED)
        }
        parts = [f"{effect}: {names}" for effect, names in named.items() if names]
        if not parts:
            return self.unchanged
        return f"{'; '.join(parts)}; the rest did not change beyond chance.".capitalize()

    @property
    def differences(self) -> tuple[str, ...]:
        """Say which of model, dataset, policy and code are not the same, as sentences."""
        before, after = self.before, self.after
        pairs = (
            ("the model", before.inspected.model_hash, after.inspected.model_hash),
            ("the dataset", before.inspected.dataset_hash, after.inspected.dataset_hash),
            ("the policy", before.judged.policy_hash, after.judged.policy_hash),
            ("the inspecting code", before.judged.code_hash, after.judged.code_hash),
            ("the seed", before.judged.seed, after.judged.seed),
            ("the budget", before.judged.budget, after.judged.budget),
        )
        return tuple(f"{name} is not the same" for name, a, b in pairs if a != b)

    def save(self, path: str | Path) -> Path:
        """Write the comparison as one HTML page that needs nothing else.

        Raises:
            InputError: the file's name does not end in `.html`.
        """
        from roadworthy.render import render_comparison  # rendering knows this, not the reverse

        target = Path(path)
        target.write_text(render_comparison(self, target.name), encoding="utf-8")
        return target

    def _repr_html_(self) -> str:
        from roadworthy.render import cell

        return cell(self)


def effect_on(before: Finding, after: Finding) -> Effect:
    """Say what became of a finding's estimate; better only where no interval overlaps."""
    a, b, threshold = before.estimate, after.estimate, after.threshold
    unjudged = (Verdict.NOT_ASSESSED, Verdict.ERROR)
    if a is None or b is None or threshold is None or after.verdict in unjudged:
        return Effect.UNJUDGED
    if not is_apart(a, b):
        return Effect.UNCLEAR
    if (b.value > a.value) is not (threshold.good == "above"):
        return Effect.WORSE
    return Effect.UNTRUSTED if after.alarms else Effect.BETTER


def is_apart(a: Measure, b: Measure) -> bool:
    """Say whether two intervals do not overlap."""
    return a.high < b.low or b.high < a.low
