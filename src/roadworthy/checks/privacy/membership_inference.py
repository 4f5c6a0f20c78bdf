from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.shadow_models import ShadowModels, ShadowModelsValue, log_odds
from roadworthy.attacks.inference import lira
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.dataset import KINDS, Dataset, Task
from roadworthy.core.estimates import Measure, auc, exact_proportion, largest, largest_of, ratio
from roadworthy.core.finding import (
    Alarm,
    Examples,
    Figure,
    Finding,
    Remedy,
    Series,
)
from roadworthy.core.model import Offer

FALSE_ALARMS = 10  # a false positive rate is measured by at least so many
NAMED = 50  # exposed rows that are listed
RATES = (0.01, 0.001)


@dataclass(frozen=True)
class MembershipInference(Check):
    """Can an outsider tell whether a row was used for training?

    What it does: attacks the model with its own training rows as members and the test rows as
    others. The loss attack accuses rows of low loss. Where the model can be trained again, the
    likelihood-ratio attack (LiRA, online and offline) compares with reference models that did and
    did not see the row. A model that gives only labels is attacked by whether it is right. Two
    numbers are judged, each for the best attack, with intervals that hold for all attacks together:
    on average, the chance that a member scores above another row (AUC); and among the rows that
    the attack is surest of, how many times more members than others it names.
    Why it matters: membership itself can be a secret (a patient of a clinic), and a model that
    gives it away remembers more.
    When it does not apply: never; without reference models the numbers are a lower bound. Training
    and test rows are taken as drawn alike; reference models that saw neither check this.
    How to fix: less overfitting (regularization, earlier stop, more rows), training with
    differential privacy, or answers without scores.
    References: Yeom et al. 2018, arXiv:1709.01604 (loss and label attack); Carlini et al. 2022,
    arXiv:2112.03570 (LiRA, and why a low false positive rate matters).

    Args:
        max_auc: largest AUC of an attack.
        max_lift: how many times more often members may be named than others, at the lowest false
            positive rate that the number of test rows lets one measure.
    """

    max_auc: float = limit(0.6, "below", "no standard gives one; 0.5 is a guess, 1 is certainty")
    max_lift: float = limit(
        10.0, "below", "no standard gives one; at 10 an even guess becomes 10 to 1 on membership"
    )

    card = Card(
        "membership-inference",
        "Membership inference",
        aliases=("lira", "mia"),
        paper="arxiv:2112.03570",
        cost="minutes",
    )
    code = "RW-PRIV-001"
    area = "privacy"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        predictions = (Predictions("train"), Predictions("test"))
        return (*predictions, *_references(subject))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        shadows = [get(request) for request in _references(subject)]
        outputs = torch.cat([get(Predictions(name)).outputs for name in ("train", "test")])
        attacks = _attacks(subject, outputs, torch.cat([data.train.y, data.test.y]), shadows)
        roc = [_Attack(name, *np.split(s, [len(data.train)])) for name, s in attacks.items()]
        alarms = _shift(shadows[0], len(data.train)) if shadows else ()
        remedies = _remedies(subject, bool(shadows))
        how = _how(subject, shadows)
        return (
            self._judge_average(roc, how, remedies, alarms),
            self._judge_surest(roc, how, remedies, alarms, data),
        )

    def _judge_average(
        self,
        attacks: "list[_Attack]",
        how: str,
        remedies: tuple[Remedy, ...],
        alarms: tuple[Alarm, ...],
    ) -> Finding:
        measures = [auc(f"AUC of the {a.name}", a.ins, a.outs, len(attacks)) for a in attacks]
        estimate = largest(measures)
        claim = (
            f"A training row scores above a test row with a chance of {estimate.value:.1%} "
            f"({estimate.name}; 50% is a guess). {how}"
        )
        return self.finding(
            claim,
            scope="average",
            estimate=estimate,
            threshold=self.threshold("max_auc"),
            measures=tuple(measures),
            figures=(_figure(attacks),),
            remedies=remedies,
            alarms=alarms,
        )

    def _judge_surest(
        self,
        attacks: "list[_Attack]",
        how: str,
        remedies: tuple[Remedy, ...],
        alarms: tuple[Alarm, ...],
        data: Dataset,
    ) -> Finding:
        others, reason = len(data.test), ""
        if len(np.unique(attacks[0].outs)) <= FALSE_ALARMS:
            reason = "what the model says is the same for many rows: no row is surer than another"
        elif others < 10 * FALSE_ALARMS:
            reason = f"a low false positive rate needs {10 * FALSE_ALARMS} test rows, not {others}"
        if reason:
            return not_assessed(self, reason, "surest rows")
        counts = [int(rate * others) for rate in RATES if rate * others >= FALSE_ALARMS]
        named = {(a.name, n): a.named(n) for a in attacks for n in counts or [FALSE_ALARMS]}
        least = min(n for _, n in named)
        lifts = {a.name: a.lift(least, len(attacks)) for a in attacks}
        best, estimate = largest_of(attacks, lambda attack: lifts[attack.name])
        claim = (
            f"Where {least / others:.2%} of test rows are accused, so are "
            f"{named[best.name, least].value:.2%} of training rows: {estimate.value:.1f} times as "
            f"many ({best.name}). {how}"
        )
        return self.finding(
            claim,
            scope="surest rows",
            estimate=estimate,
            threshold=self.threshold("max_lift"),
            measures=tuple(named.values()),
            examples=best.exposed(least, data) if estimate.low > 1 else (),
            remedies=remedies,
            alarms=alarms,
        )


@dataclass(frozen=True, eq=False)
class _Attack:
    """An attack's scores of members (M,) and others (N,): high means accused."""

    name: str
    ins: np.ndarray
    outs: np.ndarray

    def accused(self, false: int) -> np.ndarray:
        """Say which members (M,) are accused where at most `false` others are."""
        found: np.ndarray = self.ins > np.sort(self.outs)[::-1][false]
        return found

    def named(self, false: int, comparisons: int = 1) -> Measure:
        hits = int(self.accused(false).sum())
        name = f"share of members named by the {self.name} at {false / len(self.outs):.2%} false"
        return exact_proportion(name, hits, len(self.ins), comparisons)

    def lift(self, false: int, comparisons: int) -> Measure:
        others = exact_proportion("false positive rate", false, len(self.outs))
        name = f"members named per other named, {self.name}"
        return ratio(name, self.named(false), others, comparisons)

    def exposed(self, false: int, data: Dataset) -> tuple[Examples, ...]:
        order = np.argsort(-self.ins, kind="stable")[: int(self.accused(false).sum())]
        rows = tuple(("train", int(data.train.ids[i])) for i in order[:NAMED])
        return (Examples("training rows that the attack is surest of", rows, total=len(order)),)


def _references(subject: Subject) -> tuple[ShadowModels, ...]:
    is_classifier = subject.model.spec.task != Task.REGRESSION
    if not is_classifier or not {Offer.REFIT, Offer.SCORES} <= subject.model.spec.offers:
        return ()
    return (ShadowModels(max(4, subject.effort.shadows)),)  # fewer have no variance


def _attacks(
    subject: Subject, outputs: torch.Tensor, y: torch.Tensor, shadows: list[ShadowModelsValue]
) -> dict[str, np.ndarray]:
    """Score every training row, then every test row."""
    if subject.model.spec.task == Task.REGRESSION:
        return {"loss attack": -(outputs.double() - y).square().numpy()}
    if Offer.SCORES not in subject.model.spec.offers:
        return {"label attack": (outputs.argmax(1) == y).double().numpy()}
    confidence = log_odds(outputs, y)  # falls as the cross-entropy rises
    scores = {"loss attack": confidence}
    for value in shadows:
        scores["online likelihood-ratio attack"] = lira.online(
            confidence, value.confidence, value.is_in
        )
        scores["offline likelihood-ratio attack"] = lira.offline(
            confidence, value.confidence, value.is_in
        )
    return {name: score.numpy() for name, score in scores.items()}


def _how(subject: Subject, shadows: list[ShadowModelsValue]) -> str:
    if shadows:
        return f"Compared with {len(shadows[0].is_in)} reference models."
    return (
        f"Attacks that compare with reference models were not run, as {subject.model.spec.name} "
        "cannot be trained again from here or gives no scores of classes: this is a lower bound, "
        "and it takes training and test rows as drawn alike."
    )


def _shift(value: ShadowModelsValue, members: int) -> tuple[Alarm, ...]:
    """Look whether models that saw neither find training rows easier than test rows."""
    unseen = (~value.is_in).double()
    ease = ((value.confidence * unseen).sum(0) / unseen.sum(0)).numpy()
    told = auc("ease of training rows", ease[:members], ease[members:])
    if told.low <= 0.5 <= told.high:
        return ()
    text = (
        "Reference models that saw neither are not equally sure of training and test rows (AUC "
        f"{told.value:.2f}): the splits differ by more than membership, so the attacks may tell "
        "them apart for another reason."
    )
    return (Alarm("shifted-splits", text),)


def _remedies(subject: Subject, has_references: bool) -> tuple[Remedy, ...]:
    fit_less = Remedy(
        "Let the model remember less: stronger regularization, an earlier stop, more training "
        "rows, or training with differential privacy, the only one with a guarantee."
    )
    if not has_references or subject.effort.name == "thorough":
        return (fit_less,)
    more = Remedy(
        "More reference models make the attack stronger.",
        f"roadworthy inspect {subject.arguments} --budget thorough",
    )
    return (fit_less, more)


def _figure(attacks: list[_Attack]) -> Figure:
    others = len(attacks[0].outs)
    false = np.unique(np.geomspace(1, others - 1, 60).astype(int))
    rate = false / others

    def series(attack: _Attack) -> Series:
        thresholds = np.sort(attack.outs)[::-1][false]
        hits = len(attack.ins) - np.searchsorted(np.sort(attack.ins), thresholds, side="right")
        shown = hits > 0
        share = hits[shown] / len(attack.ins)
        return Series(attack.name, tuple(rate[shown].tolist()), tuple(share.tolist()))

    chance = Series("guess", tuple(rate.tolist()), tuple(rate.tolist()))
    return Figure(
        kind="line",
        title="Members named against others accused",
        text="True over false positive rate of each attack; a guess has them equal.",
        x_label="share of test rows accused",
        y_label="share of training rows named",
        x_scale="log",
        y_scale="log",
        series=(*(drawn for drawn in map(series, attacks) if drawn.x), chance),
    )
