import dataclasses
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import roadworthy
from roadworthy.checks import CHECKS
from roadworthy.core.artifact import Artifact, Bench, Store, Subject
from roadworthy.core.check import Check, needs_of, not_assessed, run_check
from roadworthy.core.dataset import Dataset
from roadworthy.core.effort import EFFORTS, Effort
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.finding import Examples, Finding
from roadworthy.core.fingerprint import code_fingerprint
from roadworthy.core.model import Model
from roadworthy.core.policy import Policy
from roadworthy.core.progress import Progress, Silent
from roadworthy.core.report import SCHEMA, Inspected, Judged, Report, Times
from roadworthy.core.threads import SMALL, threads_for
from roadworthy.frameworks import wrap_model
from roadworthy.sources import load_dataset, load_model


def inspect(
    model: Any,
    data: Any,
    *,
    policy: Policy | None = None,
    budget: str | Effort = "standard",
    seed: int = 0,
    device: str = "auto",
    store: str | Path | None = None,
    fresh: bool = False,
    include_rows: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Measure a model on data and judge it.

    Args:
        model: a torch module, a scikit-learn estimator, a callable, a `Model`, or what the
            command line takes as MODEL.
        data: a `Dataset`, or what the command line takes as DATA.
        policy: which checks, thresholds and gate to judge by; the defaults if not given.
        budget: `quick`, `standard`, `thorough` or a number of seconds as text.
        seed: the root of every random number.
        device: `auto`, `cpu` or `cuda`.
        store: folder where finished artifacts are kept for the next run; none are kept without.
        fresh: ignore what the store holds.
        include_rows: let rows of the data into the report.
        progress: where to say how far the work is.

    Raises:
        InputError: the model or the data is wrong, or they do not fit each other.
    """
    dataset = data if isinstance(data, Dataset) else load_dataset(data, seed=seed)
    if isinstance(model, str):
        inspected = load_model(model, dataset, seed=seed)
    else:
        inspected = wrap_model(model, dataset)
    effort = budget if isinstance(budget, Effort) else Effort.parse(budget)
    subject = make_subject(inspected, dataset, seed=seed, effort=effort, device=device)
    folder = None if store is None else Path(store)
    bench = Bench(subject, Store(folder, fresh), progress)
    return run_inspection(bench, policy or Policy(), include_rows=include_rows, progress=progress)


def choose_device(name: str, dataset: Dataset | None = None) -> str:
    """Give `cpu` or `cuda` for `auto`, `cpu` or `cuda`.

    Where there is a GPU, `auto` takes it for texts and for inputs of more than 1,024 numbers: with
    smaller ones it waits for orders longer than it works.

    Raises:
        InputError: there is no such device.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device takes auto, cpu or cuda, not {name!r}")
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise InputError("torch finds no CUDA device here: use --device cpu, or auto")
    if name == "auto" and dataset is not None and dataset.kind != "text":
        has_cuda = has_cuda and dataset.test.x[0].numel() > SMALL
    return "cuda" if has_cuda and name != "cpu" else "cpu"


def make_subject(
    model: Model,
    dataset: Dataset,
    *,
    seed: int = 0,
    effort: Effort = EFFORTS["standard"],
    device: str = "auto",
    arguments: str = "MODEL DATA",
) -> Subject:
    """Put model and dataset together on a device.

    Raises:
        InputError: there is no such device.
    """
    chosen = choose_device(device, dataset)
    model.move(torch.device(chosen))
    return Subject(model, dataset, seed, effort, chosen, arguments)


@dataclass(frozen=True)
class Plan:
    """What an inspection will do.

    Args:
        checks: the checks that can be judged, with the artifacts each declared.
        not_assessed: findings of those that cannot, in the same order as in the report.
        artifacts: every artifact once, makers first.
        seconds: estimated seconds per artifact; 0 when it is at hand.
        users: the names of the checks that share each artifact.
    """

    checks: tuple[tuple[Check, tuple[Artifact[Any], ...]], ...]
    not_assessed: dict[str, Finding]
    artifacts: dict[str, Artifact[Any]]
    seconds: dict[str, float]
    users: dict[str, tuple[str, ...]]


def plan_inspection(bench: Bench, policy: Policy) -> Plan:
    """Ask every check what it needs, before anything expensive is computed."""
    declared: list[tuple[Check, tuple[Artifact[Any], ...]]] = []
    refused: dict[str, Finding] = {}
    users: dict[str, tuple[str, ...]] = {}
    for check in policy.choose(CHECKS):
        try:
            needs = needs_of(check, bench.subject)
        except NotAssessed as reason:
            refused[check.card.name] = not_assessed(check, str(reason))
            continue
        declared.append((check, needs))
        for name in bench.plan(needs):
            users[name] = (*users.get(name, ()), check.card.name)
    artifacts = bench.plan(tuple(need for _, needs in declared for need in needs))
    seconds = {name: bench.seconds(artifact) for name, artifact in artifacts.items()}
    return Plan(tuple(declared), refused, artifacts, seconds, users)


def run_inspection(
    bench: Bench,
    policy: Policy,
    *,
    include_rows: bool = False,
    command: str = "",
    progress: Progress | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Report:
    """Judge by a policy: cheap checks first, so that a budget in seconds buys the most."""
    started, before = now(), time.monotonic()
    with threads_for(bench.subject.dataset.test.x):
        ordered = _judge(bench, policy, progress or Silent())
    seconds = time.monotonic() - before
    muted = tuple(policy.mute(finding, started.date()) for finding in ordered)
    return report_of(
        bench,
        muted,
        policy=policy,
        include_rows=include_rows,
        command=command,
        started=started,
        seconds=seconds,
    )


def report_of(
    bench: Bench,
    findings: tuple[Finding, ...],
    *,
    policy: Policy | None = None,
    include_rows: bool = False,
    command: str = "",
    started: datetime | None = None,
    seconds: float = 0.0,
) -> Report:
    """Put findings into a report, with what they are about and what they were judged by."""
    if not include_rows:
        findings = tuple(without_rows(finding) for finding in findings)
    return Report(
        schema=SCHEMA,
        inspected=_describe(bench.subject),
        judged=_judged_by(bench.subject, policy or Policy(), command),
        findings=findings,
        times=Times(
            started=(started or datetime.now(UTC)).isoformat(timespec="seconds"),
            seconds=seconds,
            artifacts={name: made.seconds for name, made in sorted(bench.made.items())},
            machine=_machine(bench.subject),
        ),
        declared=() if policy is None else policy.declared,
    )


def _judge(bench: Bench, policy: Policy, progress: Progress) -> list[Finding]:
    plan = plan_inspection(bench, policy)
    progress.plan(sum(plan.seconds.values()))
    findings = {name: (finding,) for name, finding in plan.not_assessed.items()}
    for check, needs in sorted(plan.checks, key=lambda entry: _cost(bench, plan, entry[1])):
        findings[check.card.name] = run_check(check, bench.subject, bench.get_for(needs))
    return [found for check in CHECKS for found in findings.get(check.card.name, ())]


def _cost(bench: Bench, plan: Plan, needs: tuple[Artifact[Any], ...]) -> float:
    return sum(plan.seconds[name] for name in bench.plan(needs))


def without_rows(finding: Finding) -> Finding:
    """Leave out what rows hold; their numbers stay."""
    examples = [dataclasses.replace(e, pictures=(), table=None) for e in finding.examples]
    return dataclasses.replace(finding, examples=tuple[Examples, ...](examples))


def _describe(subject: Subject) -> Inspected:
    spec, data = subject.model.spec, subject.dataset
    return Inspected(
        model=spec.name,
        model_hash=spec.fingerprint,
        dataset=data.name,
        dataset_hash=data.fingerprint,
        task=str(data.task),
        offers=tuple(sorted(spec.offers)),
        input_shape=tuple(spec.input_shape),
        classes=data.classes,
        splits={split.name: len(split) for split in data.splits},
        origin=data.origin,
        notes=(*data.notes, *spec.notes),
    )


def _judged_by(subject: Subject, policy: Policy, command: str) -> Judged:
    return Judged(
        policy=policy.source,
        policy_hash=policy.fingerprint(CHECKS),
        gate=policy.gate,
        seed=subject.seed,
        budget=subject.effort.name,
        version=roadworthy.__version__,
        code_hash=code_fingerprint(),
        command=command,
    )


def _machine(subject: Subject) -> dict[str, str]:
    on_gpu = subject.device == "cuda"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else f"cpu, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }
