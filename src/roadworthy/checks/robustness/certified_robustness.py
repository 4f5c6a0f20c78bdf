from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.adversarial_examples import AdversarialExamplesValue
from roadworthy.artifacts.certified_radii import CertifiedRadii, CertifiedRadiiValue
from roadworthy.artifacts.certifiers import certifier_for
from roadworthy.artifacts.roles import clusters
from roadworthy.checks import masking
from roadworthy.checks.attack_runs import POINTS, Runs, beaten, left
from roadworthy.checks.repairs import by_guard, by_training
from roadworthy.checks.robustness.robust_accuracy import (
    NORMS,
    RobustAccuracy,
    attacks_on,
    ball_of,
    budget_of,
)
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure
from roadworthy.core.finding import (
    Alarm,
    Figure,
    Finding,
    Series,
    Table,
    Verdict,
    compare,
)
from roadworthy.core.threat import Ball, Norm

MOST = 200  # rows
REACH = 4  # budgets, up to which radii are looked at


@dataclass(frozen=True)
class CertifiedRobustness(Check):
    """On how many rows is it proven that no small change turns the right answer?

    What it does: proves, row by row, a radius within which the right answer stays whatever the
    attack: of networks by bounds of their layers (linear relaxation, or intervals where that is too
    much work), of decision trees by the leaves within reach, of a model behind randomized smoothing
    by its votes under noise, where each radius may be wrong with a chance of 1 in 1,000. The truth
    lies between the share that is proven and the share that attacks left, and that interval is
    judged: at the budget it passes where the proven share is clearly above the limit, fails only
    where attacks show that it cannot be reached, and warns in between. A missing certificate is no
    failure: bounds of networks that were not trained for them prove little. Where an attack found
    an error within a proven radius, something is unsound: that is an error, never a verdict; for
    votes, which are random, it is an alarm from 2% of the rows on.
    Why it matters: an attack that fails says little about the next one; a certificate holds for all
    of them. The gap between both says how much is not known.
    When it does not apply: regression, models whose inside is hidden, guards other than smoothing,
    layers of unknown kinds. A proof is about exact numbers; double precision stands for them. On a
    random model few of the nearest errors hold when it is asked again: between 0 and the budget
    the attacked curve is then higher than it need be.
    How to fix: train with interval bounds, or put randomized smoothing before the model.
    References: Zhang et al. 2018, arXiv:1811.00866 (linear relaxation); Gowal et al. 2018,
    arXiv:1810.12715 (intervals); Cohen et al. 2019, arXiv:1902.02918 (smoothing); Chen et al. 2019,
    arXiv:1906.03849 (trees).

    Args:
        min_certified_accuracy: least share of rows on which the right answer is proven.
        eps_linf_image: L-inf budget for images, of a range of 1.
        eps_l2_image: L2 budget for images.
        eps_linf_table: L-inf budget for tables, in standard deviations of each feature.
        eps_l2_table: L2 budget for tables, in standard deviations.
    """

    min_certified_accuracy: float = limit(
        0.01, "above", "no standard asks for one; above 0.01 there are certificates at all"
    )
    eps_linf_image: float = RobustAccuracy.eps_linf_image
    eps_l2_image: float = RobustAccuracy.eps_l2_image
    eps_linf_table: float = RobustAccuracy.eps_linf_table
    eps_l2_table: float = RobustAccuracy.eps_l2_table

    card = Card(
        "certified-robustness",
        "Proven accuracy under attack",
        aliases=("certified-accuracy",),
        paper="arxiv:1811.00866",
        cost="minutes",
    )
    code = "RW-ROB-004"
    area = "robustness"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.model.spec.task == Task.REGRESSION:
            raise NotAssessed("certificates are about classes; regression has none")
        needed: list[Artifact[Any]] = []
        for norm in certifier_for(subject.model).norms:
            ball = ball_of(self, subject.dataset, norm)
            needed += [_radii(subject, ball), *_runs(subject, ball).values()]
        return tuple(needed)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        norms = certifier_for(subject.model).norms
        return tuple(self._judge(subject, norm, get) for norm in norms)

    def _judge(self, subject: Subject, norm: Norm, get: Get) -> Finding:
        ball = ball_of(self, subject.dataset, norm)
        proven = get(_radii(subject, ball))
        runs = {name: get(request) for name, request in _runs(subject, ball).items()}
        together = clusters(subject.dataset, subject.dataset.test.take(proven.rows))
        certified, attacked = _shares(proven, runs, ball.eps, together)
        estimate = Measure(
            "accuracy between proof and attack",
            certified.value,
            certified.low,
            max(attacked.high, certified.value),
            certified.n,
            "share",
            f"from the proven share's to the attacked share's end, {certified.method} each",
        )
        threshold = self.threshold("min_certified_accuracy")
        alarms = _contradictions(proven, runs)
        verdict, reason = compare(estimate, threshold), ""
        if alarms and not proven.doubt:
            verdict, reason = Verdict.ERROR, alarms[0].text
        elif alarms and verdict == Verdict.PASS:
            verdict, reason = Verdict.WARN, "an attack contradicts a certificate: this is no pass"
        unit = "" if subject.dataset.kind == "image" else " standard deviations"
        return self.finding(
            _claim(budget_of(subject.dataset, ball), certified, attacked, proven),
            verdict=verdict,
            reason=reason,
            scope=norm,
            estimate=estimate,
            threshold=threshold,
            measures=(certified, attacked),
            figures=(_figure(proven, runs, ball, unit and f",{unit}", together),),
            tables=(_table(proven, runs, ball.eps, together),),
            remedies=(
                by_training(
                    subject,
                    "Train with interval bounds; it gives up some accuracy for proofs.",
                    "ibp-training",
                    is_first=False,  # a missing certificate is no failure
                ),
                by_guard(
                    subject,
                    "Put randomized smoothing before a model that was trained with noise.",
                    "randomized-smoothing",
                    is_first=False,
                ),
            ),
            alarms=alarms,
        )


def _radii(subject: Subject, ball: Ball) -> CertifiedRadii:
    largest = Ball(ball.norm, REACH * ball.eps, ball.scale, ball.mutable)
    return CertifiedRadii(largest, min(MOST, subject.effort.attacked))


def _runs(subject: Subject, ball: Ball) -> dict[str, Artifact[AdversarialExamplesValue]]:
    """Ask for the strongest attacks that `robust-accuracy` asks for, so that they run once."""
    requests = attacks_on(subject, ball)
    chosen = ("minimal", "pgd") if "minimal" in requests else ("square",)
    return {name: requests[name] for name in chosen}


def _shares(
    proven: CertifiedRadiiValue, runs: Runs, eps: float, together: np.ndarray | None
) -> tuple[Measure, Measure]:
    return (
        left("certified accuracy", ~proven.holds_at(eps), together),
        left("accuracy under attack", beaten(runs, eps)[: len(proven.rows)], together),
    )


def _contradictions(proven: CertifiedRadiiValue, runs: Runs) -> tuple[Alarm, ...]:
    n = len(proven.rows)
    nearest = torch.stack([run.distance[:n].double() for run in runs.values()]).amin(0)
    # attacks stop a hair beyond the border, certificates a hair before it
    broken = int((nearest < proven.radius * (1 - 1e-4)).sum())
    # attacks count votes on few draws, so a row or two proves nothing against random certificates
    if broken <= (masking.FEW * n if proven.doubt else 0):
        return ()
    why = (
        "more than the attack's few draws explain"
        if proven.doubt
        else "the bounds are not those of the model that was attacked"
    )
    text = f"An attack found errors within the proven radius of {broken} of {n} rows: {why}."
    return (Alarm("certificate-contradicted", text),)


def _claim(size: str, certified: Measure, attacked: Measure, proven: CertifiedRadiiValue) -> str:
    chance = f", each with a chance of {1 - proven.doubt:.1%}" if proven.doubt else ""
    return (
        f"Within {size}, at least {certified.value:.1%} and at most {attacked.value:.1%} of "
        f"{certified.n} test rows are answered rightly whatever the change: the first is proven by "
        f"{proven.method}{chance}, the second is what attacks left."
    )


def _figure(
    proven: CertifiedRadiiValue, runs: Runs, ball: Ball, unit: str, together: np.ndarray | None
) -> Figure:
    grid = np.linspace(0, REACH * ball.eps, POINTS)
    # without gradients the attack ran at the budget alone
    attacked_at = grid if "minimal" in runs else np.array([0.0, ball.eps])
    curves = [
        (f"proven by {proven.method}", grid, 0),
        ("left by attacks", attacked_at, 1),
    ]
    series = []
    for name, at, which in curves:
        shares = [_shares(proven, runs, eps, together)[which] for eps in at.tolist()]
        series.append(Series.of(name, tuple(at.tolist()), shares))
    certified, attacked = _shares(proven, runs, ball.eps, together)
    return Figure(
        kind="line",
        title="Accuracy that is proven, and that attacks left",
        text=(
            f"At the budget {certified.value:.1%} of the rows are proven and attacks left "
            f"{attacked.value:.1%}; the truth lies between the lines."
        ),
        x_label=f"{NORMS[ball.norm]} size of the change{unit}",
        y_label="accuracy",
        y_range=(0.0, 1.0),
        series=tuple(series),
        marks=((ball.eps, "budget"),),
    )


def _table(
    proven: CertifiedRadiiValue, runs: Runs, eps: float, together: np.ndarray | None
) -> Table:
    budgets = (eps / 2, eps, 2 * eps) if "minimal" in runs else (eps,)
    rows = []
    for at in budgets:
        certified, attacked = _shares(proven, runs, at, together)
        rows.append((at, certified.value, certified.low, attacked.value, attacked.high))
    columns = ("budget", "proven", "95 % from", "left by attacks", "95 % to")
    return Table("Accuracy between proof and attack", columns, tuple(rows))
