from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, count, share_of_rows
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table


@dataclass(frozen=True)
class SmallSample(Check):
    """Is the test split large enough to say how good the model is?

    What it does: measures how wide the 95 % interval of the accuracy is, and that of the recall of
    the class with the fewest test rows. The interval is Wilson's, or the cluster bootstrap's over
    groups where that is wider: ten images of one patient are not ten patients.
    Why it matters: on few rows a poor and a good model cannot be told apart, and whatever is
    reported will not be found again.
    When it does not apply: regression.
    How to fix: more test rows, above all of the rare class; cross-validation; at least report the
    interval.
    References: Varoquaux 2018, doi:10.1016/j.neuroimage.2017.06.061; Wilson 1927,
    doi:10.2307/2276774.

    Args:
        max_width: widest interval of the accuracy that is still of use.
        max_recall_width: widest interval of a class's recall that is still of use.
    """

    max_width: float = limit(
        0.2, "below", "wider than ±10 points, a model right on 90 % can be one right on 80 %"
    )
    max_recall_width: float = limit(
        0.4, "below", "wider than ±20 points, a class found 9 times in 10 can be one found 7 times"
    )

    card = Card("small-sample", "Too few test rows", paper="doi:10.1016/j.neuroimage.2017.06.061")
    code = "RW-DATA-002"
    area = "data"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("it judges accuracy and recall; the target is a number")
        return (Predictions("test"),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        y = data.test.y.numpy()
        right = get(Predictions("test")).choice.numpy() == y
        groups = clusters(data, data.test)
        accuracy = share_of_rows("accuracy", right, groups)
        sizes = np.bincount(y, minlength=len(data.classes))
        rare = int(sizes.argmin())
        people = "" if groups is None else f" of {len(np.unique(groups))} groups"
        remedy = Remedy("Collect more test rows, or cross-validate and report the interval.")
        return (
            self.finding(
                f"On {len(y)} test rows{people} the accuracy lies between {accuracy.low:.1%} and "
                f"{accuracy.high:.1%}.",
                scope="accuracy",
                estimate=_width(accuracy),
                threshold=self.threshold("max_width"),
                measures=(accuracy,),
                remedies=(remedy,),
            ),
            self._judge_rarest(
                subject, right[y == rare], None if groups is None else groups[y == rare], sizes
            ),
        )

    def _judge_rarest(
        self, subject: Subject, right: np.ndarray, groups: np.ndarray | None, sizes: np.ndarray
    ) -> Finding:
        classes = subject.dataset.classes
        name = classes[int(sizes.argmin())]
        claim = f"The test split has no row of {name!r}: nothing is known of its recall."
        width = count("width for the recall", 1.0, int(sizes.sum()), "share", "nothing is known")
        measures: tuple[Measure, ...] = ()
        if len(right):
            recall = share_of_rows(f"recall of {name!r}", right, groups)
            measures, width = (recall,), _width(recall)
            claim = (
                f"Test rows of {name!r}, the rarest class: {len(right)}; its recall lies between "
                f"{recall.low:.1%} and {recall.high:.1%}."
            )
        return self.finding(
            claim,
            scope="rarest class",
            estimate=width,
            threshold=self.threshold("max_recall_width"),
            measures=measures,
            figures=(_figure(classes, sizes),),
            tables=(_table(subject),),
            remedies=(Remedy(f"Collect more test rows of {name!r}, or cross-validate."),),
        )


def _width(share: Measure) -> Measure:
    method = f"width of the interval ({share.method})"
    return count(f"width for {share.name}", share.high - share.low, share.n, "share", method)


def _table(subject: Subject) -> Table:
    data = subject.dataset
    counts = [
        split.y.bincount(minlength=len(data.classes)).tolist() for split in (data.train, data.test)
    ]
    return Table(
        "Rows per class",
        ("class", "train", "test"),
        tuple(zip(data.classes, *counts, strict=True)),
    )


def _figure(classes: tuple[str, ...], sizes: np.ndarray) -> Figure:
    return Figure(
        kind="bar",
        title="Test rows per class",
        text=f"Test rows per class, from {sizes.min()} to {sizes.max()}.",
        x_label="class",
        y_label="test rows",
        series=(Series("test", classes, tuple(sizes.astype(float).tolist())),),
    )
