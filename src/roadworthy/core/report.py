from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from roadworthy.core.declared import Declared
from roadworthy.core.errors import InputError
from roadworthy.core.finding import SEVERITY, Finding, Verdict
from roadworthy.core.policy import Gate

SCHEMA = "roadworthy-report/1"


@dataclass(frozen=True)
class Inspected:
    """What was inspected, and the hashes that tie the report to it.

    Args:
        model: the model's name.
        model_hash: fingerprint of weights and architecture.
        dataset: the dataset's name.
        dataset_hash: fingerprint of rows, targets and roles.
        task: nominal, ordinal or regression.
        offers: what the model lets others see.
        input_shape: shape of one input.
        classes: the class names, in order.
        splits: rows per split.
        origin: how the splits came about.
        notes: what loading changed or guessed.
    """

    model: str
    model_hash: str
    dataset: str
    dataset_hash: str
    task: str
    offers: tuple[str, ...]
    input_shape: tuple[int, ...]
    classes: tuple[str, ...]
    splits: dict[str, int]
    origin: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """By what it was judged.

    Args:
        policy: where the policy was read from.
        policy_hash: fingerprint of everything in it that can change a verdict.
        gate: the verdict at which an inspection fails.
        seed: the root of every random number.
        budget: how much work was allowed.
        version: of Roadworthy.
        code_hash: fingerprint of the code that computed the artifacts.
        command: the command that repeats the inspection, or empty.
    """

    policy: str
    policy_hash: str
    gate: Gate
    seed: int
    budget: str
    version: str
    code_hash: str
    command: str


@dataclass(frozen=True)
class Times:
    """When, where and how long; the only part that differs between two equal inspections.

    Args:
        started: date and time, UTC.
        seconds: how long it took.
        artifacts: seconds by artifact, when it was computed.
        machine: processor, operating system, versions.
    """

    started: str
    seconds: float
    artifacts: dict[str, float]
    machine: dict[str, str]


@dataclass(frozen=True)
class Report:
    """The truth about an inspection; every page and format is rendered from it."""

    schema: str
    inspected: Inspected
    judged: Judged
    findings: tuple[Finding, ...]
    times: Times
    declared: tuple[Declared, ...] = ()

    def to_json(self) -> str:
        """Write the report as JSON; equal reports give equal bytes."""
        # reading it once turns 1 into 1.0 where a float is meant, as any reader will
        read = msgspec.json.decode(msgspec.json.encode(self), type=Report)
        return msgspec.json.format(msgspec.json.encode(read), indent=2).decode() + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """Read a report back.

        Raises:
            InputError: it is not a report, or of a schema that this version does not know.
        """
        try:
            table = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise InputError(f"the report is not JSON: {error}") from None
        schema = table.get("schema") if isinstance(table, dict) else None
        if schema != SCHEMA:
            raise InputError(f"the report's schema is {schema!r}; this version reads {SCHEMA!r}")
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.ValidationError as error:
            raise InputError(f"the report is damaged: {error}") from None

    @property
    def worst(self) -> tuple[Finding, ...]:
        """The findings, worst first; muted ones and passes last."""
        return tuple(
            sorted(self.findings, key=lambda f: (f.muted is not None, -SEVERITY[f.verdict]))
        )

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many findings there are of each verdict."""
        verdicts = [finding.verdict for finding in self.findings]
        return {verdict: verdicts.count(verdict) for verdict in Verdict}

    def save(self, path: str | Path) -> Path:
        """Write the report in the format that the file's name asks for: `.html`, `.json`, ….

        Raises:
            InputError: no format has that ending.
        """
        from roadworthy.render import render  # rendering knows reports, not the reverse

        target = Path(path)
        target.write_text(render(self, target.name), encoding="utf-8")
        return target

    def _repr_html_(self) -> str:
        from roadworthy.render import cell

        return cell(self)


def read_report(path: Path) -> Report:
    """Read a report's JSON file, or that in the report's folder.

    Raises:
        InputError: it is missing or damaged.
    """
    if path.is_dir():
        path = path / "report.json"
    try:
        return Report.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the report {path}: {error}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def json_schema() -> dict[str, Any]:
    """Describe the report's JSON as a JSON Schema (2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **msgspec.json.schema(Report),
    }
