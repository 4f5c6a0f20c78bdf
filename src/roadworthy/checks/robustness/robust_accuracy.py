from dataclasses import dataclass
from typing import Any

from torch import Tensor

from roadworthy.artifacts.adversarial_examples import (
    AdversarialExamples,
    AdversarialExamplesValue,
)
from roadworthy.artifacts.roles import clusters
from roadworthy.artifacts.transfer_examples import TransferExamples
from roadworthy.attacks.evasion.ddn import DDN
from roadworthy.attacks.evasion.fgsm import FGSM
from roadworthy.attacks.evasion.fmn import FMN
from roadworthy.attacks.evasion.hop_skip_jump import HopSkipJump
from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.attacks.evasion.square import Square
from roadworthy.checks import masking
from roadworthy.checks.attack_runs import Runs, beaten, curve, endings, left, longest, shares
from roadworthy.checks.perturbed_rows import nearest
from roadworthy.checks.repairs import by_training
from roadworthy.core.adaptive import adaptive
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.estimates import Measure, proportion
from roadworthy.core.finding import Alarm, Finding, Remedy
from roadworthy.core.model import Offer
from roadworthy.core.threat import Ball, Norm

NORMS: dict[Norm, str] = {"linf": "L-inf", "l2": "L2"}
BY_LABELS = HopSkipJump(steps=5)  # about 1,300 queries a row
CONTROLLED = 5  # one row of so many is attacked by the controls too
FEWEST = 20


@dataclass(frozen=True)
class RobustAccuracy(Check):
    """How often is the model still right when its inputs are changed a little, on purpose?

    What it does: attacks random test rows within an L-inf and an L2 ball and counts those that are
    right and stay right. One run of a minimal-norm attack (FMN, DDN) gives the whole curve of
    accuracy over budget; at the budget itself PGD is added and a row that any attack beats counts
    as beaten. What is judged is an upper bound: a stronger attack can only lower it. Controls (a
    single step, twice the budget, a random search without gradients, inputs made on a copy of the
    model) raise an alarm where the attacks themselves failed; with an alarm the check never passes.
    In tables only numbers move, in units of their standard deviation and within the range seen in
    training. Declared obstacles and randomness are gone around (BPDA, EOT). A model without
    gradients is attacked at the budget alone, by random search and through a copy that learned its
    answers; one that gives only labels by HopSkipJump in place of the search, on fewer rows.
    Why it matters: small changes that no person would notice turn most answers of a network that
    was not trained against them.
    When it does not apply: regression, tables without numbers. Rows are taken as independent. What
    an attacker can do in practice may be more or less than a ball.
    How to fix: adversarial training; for a guarantee, randomized smoothing or certified training.
    References: Madry et al. 2017, arXiv:1706.06083 (PGD); Pintor et al. 2021, arXiv:2102.12827
    (FMN); Rony et al. 2019, arXiv:1811.09600 (DDN); Andriushchenko et al. 2020, arXiv:1912.00049
    (Square); Carlini et al. 2019, arXiv:1902.06705 (alarms).

    Args:
        min_robust_accuracy: least share of rows that are right and stay right.
        eps_linf_image: L-inf budget for images, of a range of 1.
        eps_l2_image: L2 budget for images.
        eps_linf_table: L-inf budget for tables, in standard deviations of each feature.
        eps_l2_table: L2 budget for tables, in standard deviations.
    """

    min_robust_accuracy: float = limit(
        0.5, "above", "no standard sets one; at 0.5 an attacker turns half of all answers"
    )
    eps_linf_image: float = 8 / 255
    eps_l2_image: float = 0.5
    eps_linf_table: float = 0.1
    eps_l2_table: float = 0.25

    card = Card(
        "robust-accuracy",
        "Accuracy under attack",
        aliases=("adversarial-robustness",),
        paper="arxiv:1902.06705",
        cost="minutes",
    )
    code = "RW-ROB-001"
    area = "robustness"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        spec = subject.model.spec
        if spec.task == Task.REGRESSION:
            raise NotAssessed("attacks look for a wrong class; regression has none")
        balls = (ball_of(self, subject.dataset, norm) for norm in NORMS)
        return tuple(run for ball in balls for run in attacks_on(subject, ball).values())

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        return tuple(self._judge(subject, norm, get) for norm in NORMS)

    def _judge(self, subject: Subject, norm: Norm, get: Get) -> Finding:
        ball = ball_of(self, subject.dataset, norm)
        runs = {name: get(request) for name, request in attacks_on(subject, ball).items()}
        is_beaten = beaten(runs, ball.eps)
        data = subject.dataset
        together = clusters(data, data.test.take(longest(runs).rows))
        estimate = left("robust accuracy", is_beaten, together)
        threshold = self.threshold("min_robust_accuracy")
        alarms, is_curve = alarms_of(subject, runs, ball.eps), "minimal" in runs
        verdict, reason = masking.judged(estimate, threshold, alarms)
        return self.finding(
            _claim(subject, ball, estimate, runs),
            verdict=verdict,
            reason=reason,
            scope=norm,
            estimate=estimate,
            threshold=threshold,
            measures=shares(runs, ball.eps, together),
            figures=(curve(runs, ball.eps, _axis(data, norm), together),) if is_curve else (),
            tables=(endings(runs),),
            examples=nearest(subject.dataset, runs["minimal"]) if is_curve else (),
            remedies=(
                by_training(
                    subject,
                    "Train on adversarial inputs (Madry et al. 2017); a guarantee takes more.",
                    "adversarial-training",
                    **radius_of(ball),
                ),
                Remedy("Limit who can send inputs, and how many."),
            ),
            alarms=alarms,
        )


def ball_of(check: Check, data: Dataset, norm: Norm) -> Ball:
    """Give the budget that a check's fields name for a norm and a kind of data.

    Raises:
        NotAssessed: nothing in the data can move.
    """
    eps = getattr(check, f"eps_{norm}_{'image' if data.kind == 'image' else 'table'}")
    try:
        return Ball.of(data, norm, eps)
    except InputError as error:
        raise NotAssessed(str(error)) from None


def budget_of(data: Dataset, ball: Ball) -> str:
    """Say in words how large a change may be."""
    unit = "" if data.kind == "image" else " standard deviations"
    return f"{NORMS[ball.norm]} {ball.eps:.3g}{unit}"


def radius_of(ball: Ball) -> dict[str, object]:
    """Give the settings of a training within a ball."""
    return {"norm": ball.norm, "eps": float(f"{ball.eps:.6g}")}


def attacks_on(subject: Subject, ball: Ball) -> dict[str, Artifact[AdversarialExamplesValue]]:
    """Say which attacks judge a model within a ball, by a key of `attack_runs.NAMES`."""
    norm, n = ball.norm, subject.effort.attacked
    few = min(n, max(FEWEST, n // CONTROLLED))
    any_size = Ball(norm, 1.0, ball.scale, ball.mutable)  # a minimal attack has no budget
    offers = adaptive(subject.model).spec.offers
    if Offer.SCORES not in offers:
        return {
            "labels": AdversarialExamples(BY_LABELS, any_size, few),
            "transfer": TransferExamples(PGD(), ball, n),
        }
    if Offer.GRADIENTS not in offers:
        return {
            "square": AdversarialExamples(Square(), ball, n),
            "transfer": TransferExamples(PGD(), ball, n),
        }
    double = Ball(norm, 2 * ball.eps, ball.scale, ball.mutable)
    static = {"static": AdversarialExamples(PGD(), ball, n, is_static=True)}
    return {
        "minimal": AdversarialExamples(FMN() if norm == "linf" else DDN(), any_size, n),
        "pgd": AdversarialExamples(PGD(), ball, n),
        "double": AdversarialExamples(PGD(), double, few),
        "fgsm": AdversarialExamples(FGSM(), ball, few),
        "square": AdversarialExamples(Square(queries=200), ball, few),
        "transfer": TransferExamples(PGD(), ball, few),
        **(static if _is_guarded(subject) else {}),
    }


def alarms_of(
    subject: Subject, runs: Runs, eps: float, found: Tensor | None = None
) -> tuple[Alarm, ...]:
    """Look for signs that the runs of `attacks_on` failed rather than that the model is robust.

    Args:
        subject: what was attacked.
        runs: what the attacks found, by their key.
        eps: the budget.
        found: (R,) bool: rows on which further attacks with gradients found an error.
    """
    alarms = masking.declared(subject.model)
    if "minimal" not in runs:
        return alarms
    minimal, pgd = runs["minimal"], runs["pgd"]
    white = minimal.beaten_within(eps) | pgd.success
    white = white if found is None else white | found
    return (
        *alarms,
        *masking.zero_gradients(minimal, pgd),
        *masking.loss_does_not_rise(pgd),
        *masking.one_step_beats_many(runs["fgsm"], pgd),
        *masking.larger_budget_is_no_stronger(pgd, runs["double"]),
        *masking.unbounded_attack_fails(minimal, subject.dataset.kind == "image"),
        *masking.black_box_beats_white_box(runs["square"], white),
        *masking.transfer_beats_white_box(runs["transfer"], white),
    )


def _claim(subject: Subject, ball: Ball, estimate: Measure, runs: Runs) -> str:
    clean = 1 - float(longest(runs).is_wrong.double().mean())
    budget = budget_of(subject.dataset, ball)
    alone = " It was found without gradients, so there is no curve."
    return (
        f"At most {estimate.value:.1%} of {estimate.n} attacked test rows are right and stay right "
        f"within {budget}; without an attack {clean:.1%} are right. This is "
        "an upper bound: a stronger attack may find more errors."
        f"{alone if 'minimal' not in runs else ''}{_masking(runs, ball.eps, estimate)}"
    )


def _is_guarded(subject: Subject) -> bool:
    bare = subject.model.undefended()
    return bare is not None and Offer.GRADIENTS in bare.spec.offers


def _masking(runs: Runs, eps: float, estimate: Measure) -> str:
    """Say what an attack that does not know of the guard leaves, and whether that is masking."""
    if "static" not in runs:
        return ""
    right = ~runs["static"].beaten_within(eps)
    static = proportion("static", int(right.sum()), len(right))
    said = f" An attack that does not know of the model's guard leaves {static.value:.1%} right"
    if static.low > estimate.high:
        return f"{said}: what it has beyond the former number is masking, not robustness."
    return f"{said}, which is no more than chance explains."


def _axis(data: Dataset, norm: Norm) -> str:
    unit = "" if data.kind == "image" else ", standard deviations"
    return f"{NORMS[norm]} size of the change{unit}"
