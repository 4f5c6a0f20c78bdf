from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.shift_probe import ShiftProbe, ShiftProbeValue
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.dataset import KINDS, Dataset, Split, Task
from roadworthy.core.estimates import (
    Measure,
    auc,
    bootstrap,
    count,
    gap,
    holm,
    largest_of,
    proportion,
)
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table

MOST_COLUMNS = 15
LEAST_LABELLED = 50  # rows of a split
APART = 0.95  # area from which on inputs of two splits hardly overlap
HISTOGRAM = np.linspace(0, 1, 11)


@dataclass(frozen=True)
class DistributionShift(Check):
    """Are the rows that the model meets like those that it learned from?

    What it does: compares the training split with the test split, and with production rows where
    there are any, in three ways. *Inputs* (covariate shift): how well boosted trees tell held-out
    rows of the two apart, as the area under the ROC curve, beside the maximum mean discrepancy and
    a test of each column with Holm's correction. *Labels* (label shift): the largest difference of
    a class's share, whose intervals hold together. *Labels given inputs* (concept shift): how much
    of the loss of a prediction of the target it saves to know the split besides the input. One row
    of each group is taken.
    Why it matters: a number measured on rows of one kind says little of rows of another.
    When it does not apply: fewer than 40 rows of a split; labels of production rows that are not
    known; labels given inputs where inputs hardly overlap. A shift of labels alone also changes
    labels given inputs. What trees cannot see in small pictures is missed. A difference need not
    hurt: see the accuracy on production rows.
    How to fix: train on rows from where the model is used, or weigh training rows so that they
    resemble them; look at the columns that differ most.
    References: Lopez-Paz and Oquab 2017, arXiv:1610.06545 (classifier two-sample test); Gretton et
    al. 2012, JMLR 13 (discrepancy); Rabanser et al. 2019, arXiv:1810.11953; Moreno-Torres et al.
    2012, doi:10.1016/j.patcog.2011.06.019 (kinds of shift).

    Args:
        max_auc: how well the two splits may be told apart.
        max_label_gap: largest difference of a class's share.
        max_gain: largest share of the loss that knowing the split may save.
    """

    max_auc: float = limit(0.65, "below", "0.5 is alike; 0.64 is a medium effect by Cohen (d = .5)")
    max_label_gap: float = limit(0.1, "below", "no standard sets one; ten points move any rate")
    max_gain: float = limit(0.1, "below", "no standard sets one; a tenth of the loss is no detail")

    card = Card(
        "distribution-shift",
        "Rows unlike the training rows",
        aliases=("drift", "covariate-shift", "label-shift"),
        paper="arxiv:1610.06545",
    )
    code = "RW-SHIFT-001"
    area = "shift"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return tuple(ShiftProbe(split.name) for split in _compared(subject.dataset))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        findings: list[Finding] = []
        for split in _compared(subject.dataset):
            probe = get(ShiftProbe(split.name))
            inputs = self._inputs(subject.dataset, split, probe)
            findings.append(inputs)
            if int(split.is_labelled.sum()) >= LEAST_LABELLED:
                findings.append(self._labels(subject.dataset, split))
                findings += self._labels_given_inputs(subject, split, probe, inputs)
        return tuple(findings)

    def _inputs(self, data: Dataset, split: Split, probe: ShiftProbeValue) -> Finding:
        name = f"training and {split.name} rows told apart (area under the ROC curve)"
        estimate = auc(name, probe.second.numpy(), probe.first.numpy())
        corrected = holm(probe.columns.numpy())
        differ = int((corrected < 0.05).sum())
        of_columns = f" {differ} of {len(corrected)} columns differ." if len(corrected) else ""
        n = len(probe.first) + len(probe.second)
        how = "permutation test of the maximum mean discrepancy"
        return self.finding(
            f"A model tells rows of the {split.name} split from training rows with an area under "
            f"the ROC curve of {estimate.value:.2f}; 0.5 is a guess.{of_columns}",
            scope=f"{split.name} inputs",
            estimate=estimate,
            threshold=self.threshold("max_auc"),
            measures=(count("p-value of rows drawn alike", probe.p_value, n, method=how),),
            figures=(_scores(split, probe),),
            tables=(_columns(data, split, probe, corrected),) if len(corrected) else (),
            remedies=_remedies(split),
        )

    def _labels(self, data: Dataset, split: Split) -> Finding:
        train, own = data.train.y.numpy(), split.y[split.is_labelled].numpy()
        if data.task == Task.REGRESSION:
            return self._numbers(split, train, own)
        return self._classes(data, split, train, own)

    def _labels_given_inputs(
        self, subject: Subject, split: Split, probe: ShiftProbeValue, inputs: Finding
    ) -> tuple[Finding, ...]:
        blind, told = probe.blind.double().numpy(), probe.told.double().numpy()
        if not len(blind) or not blind.sum():
            return ()
        scope = f"{split.name} labels given inputs"
        assert inputs.estimate is not None
        if inputs.estimate.high > APART:
            reason = f"inputs of training and {split.name} rows hardly overlap"
            return (not_assessed(self, reason, scope),)
        gain = bootstrap(
            "share of the loss saved by knowing the split",
            lambda rows: float(1 - told[rows].sum() / blind[rows].sum()),
            len(blind),
            seed=subject.seed_for(self),
            unit="share",
        )
        change = f"{gain.value:.1%} less" if gain.value > 0 else "no less"
        claim = (
            f"Who knows the split besides the input predicts the target with {change} loss on "
            f"training and {split.name} rows together."
        )
        remedy = Remedy("Find out what changed: who labels, by what rule, or what is not recorded.")
        return (
            self.finding(
                claim,
                scope=scope,
                estimate=gain,
                threshold=self.threshold("max_gain"),
                remedies=(remedy,),
            ),
        )

    def _classes(self, data: Dataset, split: Split, train: np.ndarray, own: np.ndarray) -> Finding:
        k = len(data.classes)
        shares = [
            [
                proportion(f"{data.classes[c]}, {name}", int((y == c).sum()), len(y), k)
                for c in range(k)
            ]
            for name, y in (("train", train), (split.name, own))
        ]
        gaps = [
            gap(f"difference in the share of {name}", a, b)
            for name, a, b in zip(data.classes, *shares, strict=True)
        ]
        c, estimate = largest_of(range(k), gaps.__getitem__)
        before, after = shares[0][c].value, shares[1][c].value
        return self.finding(
            f"The class whose share differs most surely is {data.classes[c]}: {before:.1%} of the "
            f"training rows, {after:.1%} of the {split.name} rows.",
            scope=f"{split.name} labels",
            estimate=estimate,
            threshold=self.threshold("max_label_gap"),
            measures=(shares[0][c], shares[1][c]),
            figures=(_shares_figure(data, split, shares),),
            remedies=(
                Remedy("Weigh or draw training rows so that classes are as frequent as in use."),
            ),
        )

    def _numbers(self, split: Split, train: np.ndarray, own: np.ndarray) -> Finding:
        is_higher = np.median(own) >= np.median(train)
        high, low = (own, train) if is_higher else (train, own)
        estimate = auc(f"targets of training and {split.name} rows told apart", high, low)
        return self.finding(
            f"A target of the {split.name} split is {'above' if is_higher else 'below'} one of a "
            f"training row in {estimate.value:.1%} of all pairs.",
            scope=f"{split.name} labels",
            estimate=estimate,
            threshold=self.threshold("max_auc"),
            remedies=_remedies(split),
        )


def _compared(data: Dataset) -> tuple[Split, ...]:
    return (data.test,) if data.production is None else (data.test, data.production)


def _remedies(split: Split) -> tuple[Remedy, ...]:
    return (
        Remedy(
            f"Collect training rows from where the {split.name} rows come from, or weigh those "
            "there are."
        ),
        Remedy("Drop columns that differ and that the target does not depend on."),
    )


def _scores(split: Split, probe: ShiftProbeValue) -> Figure:
    middles = tuple(float(x) for x in (HISTOGRAM[:-1] + HISTOGRAM[1:]) / 2)
    series = []
    for name, scores in (("train", probe.first), (split.name, probe.second)):
        counts = np.histogram(scores.numpy(), HISTOGRAM)[0]
        shares = [proportion(name, int(hits), len(scores)) for hits in counts]
        series.append(Series.of(name, middles, shares))
    return Figure(
        kind="line",
        title=f"How much rows look like the {split.name} split",
        text="Scores of a model that tells the splits apart; where the lines agree it cannot.",
        x_label=f"chance of a row to be of the {split.name} split",
        y_label="share of rows",
        series=tuple(series),
    )


def _columns(data: Dataset, split: Split, probe: ShiftProbeValue, corrected: np.ndarray) -> Table:
    distances, p_values = probe.distances.numpy(), probe.columns.numpy()
    order = np.lexsort((-distances, p_values))[:MOST_COLUMNS]
    return Table(
        f"Columns of training and {split.name} rows, the {len(order)} that differ most",
        ("column", "distance", "p", "p corrected"),
        tuple(
            (data.features[j].name, float(distances[j]), float(p_values[j]), float(corrected[j]))
            for j in order
        ),
    )


def _shares_figure(data: Dataset, split: Split, shares: list[list[Measure]]) -> Figure:
    return Figure(
        kind="bar",
        title=f"Classes in training and {split.name} rows",
        text="Share of each class in both splits.",
        x_label="class",
        y_label="share of rows",
        series=tuple(
            Series.of(name, data.classes, of_split)
            for name, of_split in zip(("train", split.name), shares, strict=True)
        ),
    )
