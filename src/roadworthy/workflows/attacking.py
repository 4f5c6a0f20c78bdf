from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.adversarial_examples import (
    IN_BATCHES,
    AdversarialExamples,
    AdversarialExamplesValue,
    nearest_errors,
)
from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.artifacts.roles import clusters
from roadworthy.attacks.threats import THREATS, TableRules
from roadworthy.checks import masking
from roadworthy.checks.attack_runs import ENDINGS, left, worst_curve
from roadworthy.checks.perturbed_rows import nearest
from roadworthy.checks.robustness.robust_accuracy import RobustAccuracy
from roadworthy.core.artifact import Bench
from roadworthy.core.attack import EvasionAttack, Reason
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.driver import Limits
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Alarm, Finding, Table
from roadworthy.core.threat import NORMS, Ball, Threat

# budgets that the literature's leaderboards use for images of a range of 1, and for tables in
# standard deviations of each feature
EPS_IMAGE = {"linf": 8 / 255, "l2": 0.5, "l1": 12.0, "l0": 10.0}
EPS_TABLE = {"linf": 0.1, "l2": 0.25, "l1": 0.5, "l0": 2.0}
TARGETS = ("next", "random", "least-likely")


@dataclass(frozen=True, eq=False)
class Attacked:
    """What several attacks found, each on the rows that the ones before left standing.

    Args:
        threat: what the attackers were allowed.
        runs: attack by attack, what it found on the rows that it saw.
        seconds: what each attack took when it was run.
        rows: (R,) all test rows that were attacked.
        x: (R, …) the nearest adversarial input of each row; the row itself where none was found.
        distance: (R,) 0 where already wrong, infinite where none was found.
        found_by: (R,) index of the attack that found it; -1 where none did.
    """

    threat: Threat
    runs: tuple[tuple[EvasionAttack, AdversarialExamplesValue], ...]
    seconds: tuple[float, ...]
    rows: Tensor
    x: Tensor
    distance: Tensor
    found_by: Tensor

    @property
    def is_beaten(self) -> Tensor:
        """(R,) bool: an error lies within the budget."""
        return self.distance <= self.threat.eps * (1 + 1e-5)


def choose_threat(
    attacks: Sequence[EvasionAttack],
    data: Dataset,
    norm: str | None,
    eps: float | None,
    immutable: Sequence[str] = (),
) -> Threat:
    """Make the threat model that all attacks share.

    Args:
        attacks: at least one.
        data: says what an image or a feature is.
        norm: a norm or another kind of threat; None takes the first that all attacks know.
        eps: the budget; None takes the usual one.
        immutable: columns of a table that cannot change.

    Raises:
        InputError: an attack does not know it, or the data have nothing to change or no such
            column.
    """
    if data.kind == "text":
        raise InputError("attacks move numbers within bounds; texts are not numbers")
    common = set.intersection(*(set(attack.threats) for attack in attacks))
    if norm is None:
        order = [*NORMS, *THREATS.names()]
        norm = next((kind for kind in order if kind in common), None)
        if norm is None:
            names = ", ".join(attack.card.name for attack in attacks)
            raise InputError(f"{names} share no threat model: run them one by one")
    for attack in attacks:
        if norm not in attack.threats:
            known = ", ".join(sorted(attack.threats))
            raise InputError(f"{attack.card.name} attacks within {known}, not {norm}: see --norm")
    unknown = set(immutable) - {feature.name for feature in data.features}
    if unknown:
        raise InputError(f"{data.name} has no column {min(unknown)!r} to keep fixed")
    if norm == TableRules.card.name:
        return TableRules.of(data, TableRules.eps if eps is None else eps, immutable)
    if norm not in NORMS:
        kind = THREATS.get(norm)
        return kind() if eps is None else kind(eps=eps)
    usual = (EPS_IMAGE if data.kind == "image" else EPS_TABLE)[norm]
    return Ball.of(data, norm, usual if eps is None else eps, immutable)  # type: ignore[arg-type]


def run_attacks_on(
    bench: Bench,
    attacks: Sequence[EvasionAttack],
    threat: Threat,
    n: int,
    target: str = "",
    limits: Limits = IN_BATCHES,
) -> Attacked:
    """Attack test rows, each attack after the other; every attack is kept once it is finished.

    Raises:
        InputError: the task has no classes, there is no such target, or the model does not offer
            what an attack needs.
    """
    data = bench.subject.dataset
    if data.task == Task.REGRESSION:
        raise InputError("attacks look for a wrong class; a regression has none")
    if target and target not in (*TARGETS, *data.classes):
        raise InputError(f"--targeted takes {', '.join(TARGETS)} or a class, not {target!r}")
    rows = drawn_rows(bench.subject, n)
    runs, seconds = [], []
    for index, attack in enumerate(attacks):
        request = AdversarialExamples(attack, threat, n, tuple(attacks[:index]), target, limits)
        try:
            found = bench.get_for((request,))(request)
        except NotAssessed as reason:
            raise InputError(f"{attack.card.name} cannot attack this: {reason}") from None
        runs.append((attack, found))
        seconds.append(bench.made[repr(request)].seconds)
    worst = nearest_errors(rows, data.test.x[rows], [found for _, found in runs])
    return Attacked(threat, tuple(runs), tuple(seconds), rows, *worst)


def conclude(bench: Bench, attacked: Attacked) -> Finding:
    """Make a finding of what the attacks found, judged as the inspection judges robustness."""
    subject, threat = bench.subject, attacked.threat
    is_beaten = attacked.is_beaten
    data = subject.dataset
    together = clusters(data, data.test.take(attacked.rows))
    estimate = left("robust accuracy", is_beaten, together)
    clean = left("accuracy without attack", attacked.distance == 0, together)
    threshold = RobustAccuracy().threshold("min_robust_accuracy")
    alarms = _alarms(bench, attacked)
    verdict, reason = masking.judged(estimate, threshold, alarms)
    names = ", ".join(attack.card.name for attack, _ in attacked.runs)
    unit = ", standard deviations" if subject.dataset.features else ""
    if threat.kind == TableRules.card.name:
        unit = ", summed costs"
    return Finding(
        code="RW-ROB-000",
        scope=threat.kind,
        area="robustness",
        check="attack",
        title=f"Accuracy under {names}",
        verdict=verdict,
        claim=(
            f"At most {estimate.value:.1%} of {estimate.n} attacked test rows are right and stay "
            f"right under {names} within {threat.kind} {threat.eps:.3g}; without an attack "
            f"{clean.value:.1%} are right. A stronger attack may find more errors."
        ),
        reason=reason,
        estimate=estimate,
        threshold=threshold,
        measures=(clean, *_shares(attacked, together)),
        figures=(
            worst_curve(
                attacked.distance,
                threat.eps,
                f"{threat.kind} size of the change{unit}",
                together,
            ),
        ),
        tables=(costs(attacked), endings(attacked)),
        examples=nearest(subject.dataset, _as_value(attacked)),
        alarms=alarms,
        references=tuple(dict.fromkeys(attack.card.paper for attack, _ in attacked.runs)),
    )


def costs(attacked: Attacked) -> Table:
    """Tabulate what each attack found and what it took."""
    columns = (
        "attack", "rows seen", "success", "lower quartile", "median distance", "upper quartile",
        "forward passes", "backward passes",
    )  # fmt: skip
    lines = []
    for attack, run in attacked.runs:
        is_found = run.success & ~run.is_wrong
        tried = int((~run.is_wrong).sum())
        quartiles: list[float | None] = [None] * 3
        if is_found.any():
            quartiles = np.quantile(run.distance[is_found].double(), [0.25, 0.5, 0.75]).tolist()
        means = [float(n.double().mean()) if len(n) else 0.0 for n in (run.forward, run.backward)]
        share = int(is_found.sum()) / tried if tried else None
        lines.append((attack.card.name, len(run.rows), share, *quartiles, *means))
    return Table("What each attack found, and mean passes per row", columns, tuple(lines))


def endings(attacked: Attacked) -> Table:
    """Tabulate how the attacks ended, as shares of the rows that each saw."""
    lines = tuple(
        (attack.card.name, *(_share(run.reason == reason) for reason in ENDINGS))
        for attack, run in attacked.runs
    )
    return Table("How the attacks ended, as shares of rows", ("attack", *ENDINGS.values()), lines)


def _share(mask: Tensor) -> float | None:
    return float(mask.double().mean()) if len(mask) else None


def _shares(attacked: Attacked, together: np.ndarray | None) -> tuple[Measure, ...]:
    """Give the accuracy that is left after each attack."""
    return tuple(
        left(
            f"after {attack.card.name} at {attacked.threat.eps:.3g}",
            attacked.is_beaten & (attacked.found_by <= index),
            together,
        )
        for index, (attack, _) in enumerate(attacked.runs)
    )


def _alarms(bench: Bench, attacked: Attacked) -> tuple[Alarm, ...]:
    alarms = masking.declared(bench.subject.model)
    is_image = bench.subject.dataset.kind == "image"
    for attack, run in attacked.runs:
        if "gradients" in attack.needs and len(run.rows):
            alarms += masking.zero_gradients(run) + masking.loss_does_not_rise(run)
        if attack.is_minimal and attacked.threat.kind in NORMS and "gradients" in attack.needs:
            alarms += masking.unbounded_attack_fails(run, is_image)
    return tuple(dict.fromkeys(alarms))


def _as_value(attacked: Attacked) -> AdversarialExamplesValue:
    """Put the worst case into the form that pictures are drawn from."""
    found = attacked.distance.isfinite()
    wrong = attacked.distance == 0
    reason = torch.where(found, int(Reason.SUCCESS), int(Reason.BUDGET))
    reason[wrong] = int(Reason.ALREADY_WRONG)
    zeros = torch.zeros(len(reason))
    return AdversarialExamplesValue(
        rows=attacked.rows,
        x=attacked.x,
        distance=attacked.distance,
        success=found,
        reason=reason,
        forward=zeros,
        backward=zeros,
        zero_gradient=zeros,
        clean_margin=zeros,
        margin=zeros,
        theta=zeros[:, None],
    )
