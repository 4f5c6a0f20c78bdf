from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from roadworthy.core.declared import Declared
from roadworthy.core.finding import Finding, Verdict
from roadworthy.core.report import Report
from roadworthy.render import numbers, outcome
from roadworthy.render.standards.facts import FACTS
from roadworthy.render.standards.standard import Item, Standard, spoken_to

JUDGMENTS = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)


class Status(StrEnum):
    """How an item is answered; measured says that there is a number, not that it is good."""

    MEASURED = "measured"
    PARTLY = "measured in part"
    DECLARED = "declared, not measured"
    NOT_ASSESSED = "NOT ASSESSED"


@dataclass(frozen=True)
class Answer:
    """What a report has to say to an item.

    Args:
        item: the item.
        name: what it is cited by.
        facts: sentences that the report states in any case.
        judged: findings that came to a judgment, good or bad.
        silent: findings that would have spoken to it, but could not be assessed.
        declared: what a person answered.
    """

    item: Item
    name: str
    facts: tuple[str, ...]
    judged: tuple[Finding, ...]
    silent: tuple[Finding, ...]
    declared: Declared | None

    @property
    def status(self) -> Status:
        """How the item is answered."""
        if self.facts or self.judged:
            return Status.PARTLY if self.item.still or self.silent else Status.MEASURED
        return Status.DECLARED if self.declared else Status.NOT_ASSESSED

    @property
    def is_open(self) -> bool:
        """Whether a person still has something to say."""
        is_answered = bool(self.facts or self.judged)
        return self.declared is None and not (is_answered and not self.item.still)


def answers(standard: Standard, report: Report) -> tuple[Answer, ...]:
    """Answer every item of a standard from a report."""
    found = spoken_to(standard, report.findings)
    declared = {answer.item: answer for answer in report.declared}
    given = []
    for item in standard.items:
        about = found.get(item, ())
        given.append(
            Answer(
                item,
                standard.name(item),
                facts=tuple(filter(None, (FACTS[name](report) for name in item.facts))),
                judged=tuple(f for f in about if f.verdict in JUDGMENTS),
                silent=tuple(f for f in about if f.verdict not in JUDGMENTS),
                declared=declared.get(standard.name(item)),
            )
        )
    return tuple(given)


def blank(answer: Answer) -> str:
    """Write, in Markdown, the gap that a person must fill; it names the item to declare."""
    still = f": {answer.item.still}" if answer.item.still else "."
    return f"_To be completed ({answer.name}){still}_"


def counts(given: tuple[Answer, ...]) -> dict[Status, int]:
    """Count the answers by how they are given."""
    number = Counter(answer.status for answer in given)
    return {status: number[status] for status in Status}


def finding_line(finding: Finding) -> str:
    """Say on one line what a finding comes to, with its number, interval and n."""
    said = f"{outcome.SYMBOLS[finding.verdict]} {outcome.WORDS[finding.verdict]}: {finding.title}"
    if finding.estimate:
        estimate = finding.estimate
        said += f"; {estimate.name} {numbers.interval(estimate)}, n = {numbers.number(estimate.n)}"
    if finding.verdict not in JUDGMENTS:
        said += f"; {finding.reason}"
    said += "; the test itself may not be trustworthy" if finding.alarms else ""
    said += f"; {outcome.muted(finding)}" if finding.muted else ""
    return f"{said} ({finding.key})"


def declared_line(declared: Declared) -> str:
    """Say what a person declared, and who and when, so that it does not look measured."""
    who = ", ".join(filter(None, (declared.by, declared.when)))
    return f"Declared, not measured{f' ({who})' if who else ''}: {declared.text}"
