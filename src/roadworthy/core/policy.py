import dataclasses
import math
import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from roadworthy.core.check import Check
from roadworthy.core.declared import Declared, declared_in
from roadworthy.core.errors import InputError
from roadworthy.core.finding import SEVERITY, Finding, Mute, Verdict
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.registry import Registry

Gate = Literal["fail", "warn", "none"]
GATES: tuple[Gate, ...] = ("fail", "warn", "none")


@dataclass(frozen=True)
class Policy:
    """What an organization judges by: which checks, thresholds, gate, and what it lives with.

    Args:
        gate: the verdict at which an inspection fails.
        only: areas, checks or codes to run; empty means all.
        skip: areas, checks or codes to leave out.
        settings: changed fields, by check name.
        mutes: findings that somebody decided to live with.
        source: the file it was read from, or `defaults`.
        declared: what a person answers where no check can; no verdict depends on it.
    """

    gate: Gate = "fail"
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    mutes: tuple[Mute, ...] = ()
    source: str = "defaults"
    declared: tuple[Declared, ...] = ()

    def fingerprint(self, checks: Registry[type[Check]]) -> str:
        """Hash what it judges by: equal for two files that come to the same."""
        chosen = [repr(check) for check in self.choose(checks)]
        return fingerprint(chosen, self.gate, [repr(mute) for mute in self.mutes])

    def choose(self, checks: Registry[type[Check]]) -> tuple[Check, ...]:
        """Make the checks to run, with the policy's settings.

        Raises:
            InputError: a name or a setting is not known.
        """
        for name in (*self.only, *self.skip, *self.settings):
            _must_know(name, checks, by_area=name not in self.settings)
        chosen = [
            check
            for check in checks
            if (not self.only or _is_named(check, self.only)) and not _is_named(check, self.skip)
        ]
        settings = {checks.get(name): given for name, given in self.settings.items()}
        return tuple(_configured(check, settings.get(check, {})) for check in chosen)

    def mute(self, finding: Finding, today: date) -> Finding:
        """Mark a finding that is muted and whose day has not passed."""
        for mute in self.mutes:
            is_meant = mute.code in (finding.code, finding.key)
            if is_meant and date.fromisoformat(mute.until) >= today:
                return dataclasses.replace(finding, muted=mute)
        return finding


def exit_code(findings: tuple[Finding, ...], gate: Gate, strict: bool) -> int:
    """Give 1 when the gate is reached, 3 when strict and something was not assessed, else 0."""
    heard = [finding for finding in findings if finding.muted is None]
    bar = SEVERITY[Verdict.WARN if gate == "warn" else Verdict.FAIL]
    if gate != "none" and any(SEVERITY[finding.verdict] >= bar for finding in heard):
        return 1
    unsure = {Verdict.NOT_ASSESSED, Verdict.ERROR}
    return 3 if strict and any(finding.verdict in unsure for finding in heard) else 0


def read_policy(path: Path, checks: Registry[type[Check]]) -> Policy:
    """Read a policy file.

    Raises:
        InputError: it is not TOML, or says something that is not known.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"there is no policy file {path}; write one with: roadworthy init"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} is not a TOML file: {error}") from None
    unknown = set(table) - {"gate", "only", "skip", "checks", "mute", "declared"}
    if unknown:
        raise InputError(
            f"{path} has unknown keys {', '.join(sorted(unknown))}; see roadworthy init"
        )
    gate = table.get("gate", "fail")
    if gate not in GATES:
        raise InputError(f"{path}: gate must be one of {', '.join(GATES)}, not {gate!r}")
    policy = Policy(
        gate=gate,
        only=_names(path, table, "only"),
        skip=_names(path, table, "skip"),
        settings=_settings(path, table.get("checks", {})),
        mutes=tuple(_read_mute(path, entry) for entry in _entries(path, table)),
        source=path.name,
        declared=declared_in(path, table.get("declared", {})),
    )
    policy.choose(checks)
    for mute in policy.mutes:
        if mute.code.partition(":")[0] not in {check.code for check in checks}:
            raise InputError(
                f"{path}: no check has the code {mute.code!r}; see roadworthy list checks"
            )
    return policy


def _names(path: Path, table: dict[str, Any], key: str) -> tuple[str, ...]:
    names = table.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: {key} must be a list of names in quotes")
    return tuple(names)


def _entries(path: Path, table: dict[str, Any]) -> list[dict[str, Any]]:
    entries = table.get("mute", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: write a muted finding under the heading [[mute]]")
    return entries


def _settings(path: Path, table: object) -> dict[str, dict[str, Any]]:
    if not isinstance(table, dict) or not all(isinstance(part, dict) for part in table.values()):
        raise InputError(f"{path}: write settings under a heading such as [checks.calibration]")
    return table


def _read_mute(path: Path, entry: dict[str, Any]) -> Mute:
    missing = {"code", "reason", "until"} - set(entry)
    if missing or not str(entry.get("reason", "")).strip():
        raise InputError(f"{path}: a muted finding needs a code, a reason and an until date")
    until = str(entry["until"])
    try:
        date.fromisoformat(until)
    except ValueError:
        raise InputError(
            f"{path}: until must be a date such as 2027-01-31, not {until!r}"
        ) from None
    return Mute(str(entry["code"]), str(entry["reason"]), until)


def _is_named(check: type[Check], names: tuple[str, ...]) -> bool:
    known = {check.area, check.code, check.card.name, *check.card.aliases}
    return not {key.casefold() for key in known}.isdisjoint(name.casefold() for name in names)


def _must_know(name: str, checks: Registry[type[Check]], by_area: bool) -> None:
    if name in checks or (by_area and any(_is_named(check, (name,)) for check in checks)):
        return
    areas = sorted({check.area for check in checks})
    try:
        checks.get(name)
    except InputError as error:
        raise InputError(f"{error}; areas are {', '.join(areas)}") from None


def _configured(check: type[Check], settings: dict[str, Any]) -> Check:
    known = {part.name: part.default for part in dataclasses.fields(check)}
    for name, value in settings.items():
        if name not in known:
            offered = ", ".join(known) or "nothing"
            raise InputError(f"check {check.card.name} has no setting {name!r}; it has {offered}")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(known[name], int | float) and not (is_number and math.isfinite(value)):
            raise InputError(f"{name} of check {check.card.name} must be a number, not {value!r}")
    return check(**settings)
