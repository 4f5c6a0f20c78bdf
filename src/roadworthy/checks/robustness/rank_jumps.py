from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from roadworthy.artifacts.adversarial_examples import AdversarialExamples, AdversarialExamplesValue
from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters
from roadworthy.checks import masking
from roadworthy.checks.attack_runs import beaten
from roadworthy.checks.perturbed_rows import SHOWN, changed_rows
from roadworthy.checks.repairs import by_training
from roadworthy.checks.robustness.robust_accuracy import (
    NORMS,
    RobustAccuracy,
    alarms_of,
    attacks_on,
    ball_of,
    budget_of,
    radius_of,
)
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count, mean, proportion, share_of_rows
from roadworthy.core.finding import Examples, Figure, Finding, Remedy, Series, Table
from roadworthy.core.threat import Ball, Norm

FAR = 2  # ranks, from which on an answer is no neighbor of what it was
MOST_AIMS = 10  # ranks that are attacked towards


@dataclass(frozen=True)
class RankJumps(Check):
    """How many ranks can small changes, made on purpose, push an answer away from the truth?

    What it does: attacks random test rows within an L-inf and an L2 ball, once towards every rank,
    and takes for each row the reached answer that is farthest from its true rank. A push is by how
    many ranks that is farther off than the answer without an attack; pushes of two ranks or more
    are judged. The attack is PGD, random search (Square) for a model without gradients, and
    HopSkipJump for one that gives only labels, on fewer rows. All numbers of it are lower bounds: a
    stronger attack can only push farther. The attacks and controls of `robust-accuracy` run as
    well, in the same balls; where they raise an alarm the check never passes. Of more than ten
    ranks, ten are aimed at, evenly spaced, the lowest and the highest among them.
    Why it matters: a mild stage that is called the next one is a small error, one that is called
    the last is not; accuracy under attack counts both alike.
    When it does not apply: classes without an order; two classes; tables without numbers. Ranks
    count as equally far apart. Of three ranks the middle one is at most one away from any answer.
    Ranks without training rows are not aimed at.
    How to fix: adversarial training, with the budget as its radius.
    References: the measure is Roadworthy's own. Madry et al. 2017, arXiv:1706.06083 (PGD);
    Andriushchenko et al. 2020, arXiv:1912.00049 (Square); Chen, Jordan, Wainwright 2019,
    arXiv:1904.02144 (HopSkipJump); Carlini et al. 2019, arXiv:1902.06705 (alarms).

    Args:
        max_pushed: largest share of rows that may be pushed two ranks or more.
        eps_linf_image: L-inf budget for images, of a range of 1.
        eps_l2_image: L2 budget for images.
        eps_linf_table: L-inf budget for tables, in standard deviations of each feature.
        eps_l2_table: L2 budget for tables, in standard deviations.
    """

    max_pushed: float = limit(
        0.1,
        "below",
        "no standard sets one; at 0.1 an attacker turns one answer in ten into a far one",
    )
    eps_linf_image: float = RobustAccuracy.eps_linf_image
    eps_l2_image: float = RobustAccuracy.eps_l2_image
    eps_linf_table: float = RobustAccuracy.eps_linf_table
    eps_l2_table: float = RobustAccuracy.eps_l2_table

    card = Card("rank-jumps", "Ranks that an attack can skip", cost="minutes")
    code = "RW-ROB-005"
    area = "robustness"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        if data.task != Task.ORDINAL:
            raise NotAssessed(
                "jumps are counted in ranks, and the targets are not ordered classes: if they "
                "are, pass --ordinal"
            )
        if len(data.classes) <= FAR:
            raise NotAssessed("of two classes none is two ranks from the other")
        balls = [ball_of(self, data, norm) for norm in NORMS]
        controls = [run for ball in balls for run in attacks_on(subject, ball).values()]
        aimed = [run for ball in balls for run in _aimed(subject, ball).values()]
        return (Predictions("test"), *controls, *aimed)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        return tuple(self._judge(subject, norm, get) for norm in NORMS)

    def _judge(self, subject: Subject, norm: Norm, get: Get) -> Finding:
        data, seed = subject.dataset, subject.seed_for(self)
        ball = ball_of(self, data, norm)
        controls = {name: get(request) for name, request in attacks_on(subject, ball).items()}
        aimed = {rank: get(request) for rank, request in _aimed(subject, ball).items()}
        rows = next(iter(aimed.values())).rows
        y, answer = data.test.y[rows], get(Predictions("test")).choice[rows]
        before, farthest = (answer - y).abs(), _farthest(answer, y, aimed, ball.eps)
        # any error is at least one rank off, whichever attack found it
        after = torch.maximum((farthest - y).abs(), beaten(controls, ball.eps)[: len(rows)].long())
        push = after - before
        groups = clusters(data, data.test)
        groups = None if groups is None else groups[rows.numpy()]
        estimate = share_of_rows("rows pushed two ranks or more", (push >= FAR).numpy(), groups)
        errors = [
            mean(
                f"mean distance in ranks {when}", each.double().numpy(), seed=seed, clusters=groups
            )
            for when, each in (("without attack", before), ("under attack", after))
        ]
        threshold = self.threshold("max_pushed")
        alarms = alarms_of(subject, controls, ball.eps, farthest != y)
        # a rank that is far can be out of sight where the next one is not
        alarms = alarms or masking.zero_gradients(*aimed.values())
        verdict, reason = masking.judged(estimate, threshold, alarms)
        return self.finding(
            f"At least {estimate.value:.1%} of {estimate.n} attacked test rows can be pushed two "
            f"ranks or more away from the truth within {budget_of(data, ball)}, the farthest by "
            f"{int(push.max())}; the mean distance in ranks goes from {errors[0].value:.3g} to at "
            f"least {errors[1].value:.3g}. A stronger attack may push farther."
            f"{_unaimed(data, aimed)}",
            verdict=verdict,
            reason=reason,
            scope=norm,
            estimate=estimate,
            threshold=threshold,
            measures=(*errors, count("largest push", int(push.max()), len(rows), "ranks")),
            figures=(_figure(before, after, len(data.classes)),),
            tables=(_table(data.classes, y, before, after),),
            examples=_examples(data, rows, farthest, push, aimed),
            remedies=(
                by_training(
                    subject,
                    "Train on adversarial inputs (Madry et al. 2017).",
                    "adversarial-training",
                    **radius_of(ball),
                ),
                Remedy("Limit who can send inputs, and how many."),
            ),
            alarms=alarms,
        )


Aimed = dict[int, AdversarialExamplesValue]  # what was found on the way to a rank; the same rows


def _aimed(subject: Subject, ball: Ball) -> dict[int, AdversarialExamples]:
    """Ask for the strongest attack at the budget that the model allows, once towards each rank."""
    runs, data = attacks_on(subject, ball), subject.dataset
    attack = next(runs[name] for name in ("pgd", "square", "labels") if name in runs)
    assert isinstance(attack, AdversarialExamples)
    ranks = data.train.y.unique()  # no rank that the model never saw
    if len(ranks) > MOST_AIMS:
        ranks = ranks[torch.linspace(0, len(ranks) - 1, MOST_AIMS).round().long()]
    return {rank: replace(attack, target=data.classes[rank]) for rank in ranks.tolist()}


def _farthest(answer: Tensor, y: Tensor, aimed: Aimed, eps: float) -> Tensor:
    """Give of the answer and all reached ranks the one that is farthest from the truth: (R,)."""
    farthest = answer.clone()
    for rank, run in aimed.items():
        is_farther = (rank - y).abs() > (farthest - y).abs()
        farthest[is_farther & run.beaten_within(eps)] = rank
    return farthest


def _unaimed(data: Dataset, aimed: Aimed) -> str:
    if len(aimed) == len(data.classes):
        return ""
    return f" {len(aimed)} of {len(data.classes)} ranks were aimed at."


def _figure(before: Tensor, after: Tensor, classes: int) -> Figure:
    off, n = range(1, classes), len(before)
    series = []
    for name, distance in (("without attack", before), ("under attack", after)):
        shares = [proportion(name, int((distance >= k).sum()), n) for k in off]
        series.append(Series.of(name, map(str, off), shares))
    clean, attacked = (line.y[FAR - 1] for line in series)
    return Figure(
        kind="bar",
        title="How far answers are off",
        text=f"Share of rows by the least distance of their answer from the true rank; two ranks "
        f"or more are {clean:.1%} without attack and {attacked:.1%} under attack.",
        x_label="ranks off, or more",
        y_label="share of rows",
        y_range=(0.0, 1.0),
        series=tuple(series),
    )


def _table(classes: tuple[str, ...], y: Tensor, before: Tensor, after: Tensor) -> Table:
    columns = ("true rank", "rows", "mean without attack", "mean under attack", "two or more")
    rows = []
    for rank in y.unique().tolist():
        of_rank = y == rank
        push = (after - before)[of_rank]
        means = (float(each[of_rank].double().mean()) for each in (before, after))
        pushed = float((push >= FAR).double().mean())
        rows.append((classes[rank], len(push), *means, pushed, int(push.max())))
    title = "Distance in ranks and pushes, by true rank"
    return Table(title, (*columns, "largest push"), tuple(rows))


def _examples(
    data: Dataset, rows: Tensor, farthest: Tensor, push: Tensor, aimed: Aimed
) -> tuple[Examples, ...]:
    """Show the rows that were pushed farthest, as they were and as they became."""
    chosen = push.argsort(descending=True, stable=True)[: min(SHOWN, int((push > 0).sum()))]
    chosen = chosen[torch.isin(farthest[chosen], torch.tensor(list(aimed)))]
    if not len(chosen):
        return ()
    return (
        changed_rows(
            data,
            rows[chosen],
            torch.stack([aimed[int(farthest[k])].x[k] for k in chosen]),
            "rows that are pushed farthest",
            details=tuple(
                f"{by} {'rank' if by == 1 else 'ranks'} farther off" for by in push[chosen].tolist()
            ),
            total=int((push > 0).sum()),
        ),
    )
