from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.label_issues import LabelIssues
from roadworthy.artifacts.predictions import PredictionsValue
from roadworthy.artifacts.roles import clusters
from roadworthy.artifacts.simple_model import SimplePredictions
from roadworthy.checks.examples import MOST_ROWS, pictures_of, rows_of, values_of
from roadworthy.checks.repairs import by_training
from roadworthy.core import confident_learning
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Dataset, Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, bootstrap, contamination, count, proportion
from roadworthy.core.finding import Examples, Finding, Remedy, Verdict
from roadworthy.core.model import Offer, require

IMPOSSIBLE = 0.01  # probability of the given label below which the model all but rules it out
RESAMPLES = 200  # each is a whole estimate of the noise


@dataclass(frozen=True)
class LabelErrors(Check):
    """Are given labels wrong?

    What it does: confident learning. A row is suspicious when the model gives another class at
    least the probability that it gives, on average, to rows that bear that label; the counts of
    given against confident class, scaled to the given labels' shares, estimate the share of wrong
    labels. Test rows are judged by the model's predictions, training rows by models that were
    trained again without them. The interval is deliberately wide: one label that is wrong cannot be
    told from a row that is hard. Its lower end is the larger of two: what the model all but rules
    out (probability below 0.01), and what is wrong however sure the answer, by the model and by a
    linear one. Hard rows disagree where answers are unsure, exchanged labels everywhere. Its upper
    end is the bootstrap's of the estimate. Ordinal
    labels are listed by how many ranks they are expected to be off, and the mean of that is told.
    Why it matters: wrong test labels make the accuracy wrong, and favor models that repeat them.
    When it does not apply: regression, models that give labels only; models right on fewer than
    three in four rows, unless labels are seen to be wrong however sure the answer. An outcome that
    chance decides alike for all rows looks like wrong labels. The list is to be looked through: in
    a study of ten test sets people confirmed about half of such suspicions. A model that is far too
    sure raises the lower end. Training rows are judged only where the model can be trained again.
    How to fix: look at the rows, worst first; correct or leave out those that are wrong.
    References: Northcutt, Jiang and Chuang 2021, arXiv:1911.00068; Northcutt, Athalye and Mueller
    2021, arXiv:2103.14749; Copas 1988, doi:10.1111/j.2517-6161.1988.tb01723.x (contaminated data).

    Args:
        max_share: largest share of wrong labels.
        min_accuracy: share of right answers below which the model cannot judge labels.
    """

    max_share: float = limit(
        0.05, "below", "ten well-known test sets have 3.3 % on average (arXiv:2103.14749)"
    )
    min_accuracy: float = 0.75

    card = Card("label-errors", "Labels that are wrong", paper="arxiv:1911.00068")
    code = "RW-DATA-005"
    area = "data"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("it judges class labels; the target is a number")
        require(subject.model, Offer.SCORES)
        judged = ["test", "train"] if Offer.REFIT in subject.model.spec.offers else ["test"]
        issues = [LabelIssues(split) for split in judged]
        plain = [SimplePredictions(split) for split in judged]
        return (*issues, *(issue.unseen() for issue in issues), *plain)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        return tuple(self._judge_if_possible(subject, get, split) for split in ("test", "train"))

    def _judge_if_possible(self, subject: Subject, get: Get, name: str) -> Finding:
        try:
            return self._judge_split(subject, get, name)
        except NotAssessed as reason:  # the other split may still be judged
            claim = f"The labels of the {name} split were not assessed; it is not a pass."
            return self.finding(claim, scope=name, verdict=Verdict.NOT_ASSESSED, reason=str(reason))

    def _judge_split(self, subject: Subject, get: Get, name: str) -> Finding:
        if name == "train" and Offer.REFIT not in subject.model.spec.offers:
            raise NotAssessed(
                f"{subject.model.spec.name} has seen the training rows and cannot be trained "
                "again without them"
            )
        split = subject.dataset.split(name)
        predictions, issues = get(LabelIssues(name).unseen()), get(LabelIssues(name))
        accuracy = float((predictions.choice == split.y).double().mean())
        floor = min(
            (
                _exchanged(subject, split, said)
                for said in (predictions, get(SimplePredictions(name)))
            ),
            key=lambda measure: measure.low,
        )
        if accuracy < self.min_accuracy and floor.low <= self.max_share:
            raise NotAssessed(
                f"the model is right on {accuracy:.1%} of the {name} rows, below "
                f"{self.min_accuracy:.0%}: most suspicions may be its own errors"
            )
        flagged = proportion(
            "rows whose label is suspicious", int(issues.is_issue.sum()), len(split)
        )
        estimate = self._estimate(subject, split, predictions, issues, floor)
        examples = _examples(subject, split, issues)
        remedies = [Remedy("Look at these rows, worst first, and correct what is wrong.")]
        if name == "train":
            text = "Train without the most doubtful ones, and see whether it helps."
            remedies.append(by_training(subject, text, "pruned-labels"))
        if examples.rows:
            remedies.append(
                Remedy(
                    "Delete from the list what turns out right, then leave the rest out.",
                    f"roadworthy inspect {subject.arguments} --without DIR/rows/{self.code}.csv",
                )
            )
        return self.finding(
            f"Between {estimate.low:.1%} and {estimate.high:.1%} of the {len(split)} {name} labels "
            f"are wrong ({_how_told(estimate, floor)}); "
            f"{examples.total} should be looked at.",
            scope=name,
            estimate=estimate,
            threshold=self.threshold("max_share"),
            measures=(flagged, floor, *_ranks_off(subject.dataset, issues, len(split))),
            examples=(examples,) if examples.rows else (),
            remedies=tuple(remedies),
        )

    def _estimate(
        self,
        subject: Subject,
        split: Split,
        predictions: PredictionsValue,
        issues: confident_learning.LabelIssues,
        floor: Measure,
    ) -> Measure:
        probabilities = predictions.probabilities
        given = probabilities.gather(1, split.y[:, None])[:, 0]
        certain = proportion(
            "labels all but ruled out", int((given < IMPOSSIBLE).sum()), len(split)
        )
        noise = bootstrap(
            "share of wrong labels",
            lambda rows: noise_rate(probabilities[rows], split.y[rows]),
            len(split),
            seed=subject.seed_for(self),
            clusters=clusters(subject.dataset, split),
            resamples=RESAMPLES,
        )
        low = max(min(certain.low, noise.low, issues.noise_rate), floor.low)
        value = max(issues.noise_rate, low)
        return Measure(
            noise.name,
            value,
            low,
            max(noise.high, value),
            len(split),
            "share",
            "confident joint; from labels ruled out (Wilson), or wrong however sure the answer "
            "(profile likelihood), to its bootstrap 97.5 %",
        )


def _how_told(estimate: Measure, floor: Measure) -> str:
    if floor.low < estimate.low or floor.low == 0:
        return "wrong ones cannot be told from hard rows"
    return "they disagree however sure the answer: wrong, or left to chance in all rows alike"


def _exchanged(subject: Subject, split: Split, said: PredictionsValue) -> Measure:
    """Estimate the share of labels that are wrong however sure the answer, on one row per group."""
    generator = np.random.default_rng(subject.seed)
    rows, group = generator.permutation(len(split)), clusters(subject.dataset, split)
    if group is not None:
        rows = rows[np.unique(group[rows], return_index=True)[1]]
    best, choice = (part.numpy()[rows] for part in said.probabilities.max(1))
    classes = said.probabilities.shape[1]
    best = best.clip(1 / classes, 1 - 1e-9)
    margins = np.log(best / (1 - best)) + np.log(classes - 1)
    agrees = choice == split.y.numpy()[rows]
    return contamination("labels wrong however sure the answer", margins, agrees, classes)


def _ranks_off(
    data: Dataset, issues: confident_learning.LabelIssues, n: int
) -> tuple[Measure, ...]:
    """How far off the wrong labels are, where the classes are ranks."""
    if data.task != Task.ORDINAL or issues.noise_rate == 0:
        return ()
    rank = torch.arange(len(data.classes))
    off = float((issues.joint * (rank - rank[:, None]).abs()).sum()) / issues.noise_rate
    return (count("ranks that a wrong label is off", off, n, method="confident joint"),)


def noise_rate(probabilities: Tensor, labels: Tensor) -> float:
    """The off-diagonal mass of the calibrated confident joint."""
    thresholds = confident_learning.class_thresholds(probabilities, labels)
    confident = confident_learning.confident_class(probabilities, thresholds)
    counts = confident_learning.confident_joint(confident, labels, probabilities.shape[1])
    joint = confident_learning.calibrated(counts, labels)
    return float(confident_learning.off_diagonal(joint).sum())


def _examples(subject: Subject, split: Split, issues: confident_learning.LabelIssues) -> Examples:
    data, total = subject.dataset, int(issues.is_issue.sum())
    worst: np.ndarray = issues.order[: min(total, MOST_ROWS)].numpy()
    given, suggested = split.y.numpy()[worst], issues.suggested.numpy()[worst]
    details = tuple(
        f"given {data.classes[a]}, probably {data.classes[b]}"
        for a, b in zip(given, suggested, strict=True)
    )
    title = f"Suspicious labels in the {split.name} split"
    return Examples(
        title=title,
        rows=rows_of(split, worst),
        details=details,
        pictures=pictures_of(data, split, worst, details),
        table=values_of(data, split, worst, title),
        total=total,
    )
