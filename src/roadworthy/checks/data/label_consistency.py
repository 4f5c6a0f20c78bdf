from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.environment_probe import EnvironmentProbe
from roadworthy.artifacts.roles import clusters, role_column
from roadworthy.artifacts.source_labelers import SourceLabelers, comparable
from roadworthy.checks.label_panel import LabelPanel
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import mean, smallest
from roadworthy.core.finding import Finding, Remedy, Verdict, compare

INPUTS_DIFFER = (
    "a linear model tells the source by the input, so classifiers may disagree because inputs "
    "differ, not because labels mean something else: compare sources on inputs of one kind"
)


@dataclass(frozen=True)
class LabelConsistency(Check):
    """Do labels mean the same in every source?

    What it does: a classifier learns what a source calls by a label. For each source (hospital,
    vendor, annotator) classifiers of one kind learn from equally many rows of each class, and all
    label the same test rows. How well classifiers of different sources agree (Fleiss' kappa of
    pairs) is read against how well those of two halves of one source do: the ceiling that remains
    when labels mean the same and only chance differs. Judged is the smallest ratio of the two,
    over all labels and for each against the rest, with intervals that hold together: a bootstrap
    over the labeled rows, by group where one is named, and over half-samples of the
    training rows. Also: kappa and Krippendorff's alpha of all sources together, each pair of
    sources, and how often a source's classifier is right on rows of its own and of other sources.
    Why it matters: data sets that name the same categories were found to mean other people by
    them. A model trained on labels of two meanings learns neither, and a test on the mixture
    does not show it.
    When it does not apply: no environment column is named, no two sources share two labels,
    regression, or the classifiers are too weak, so that not even halves of one source agree. Where
    inputs differ between sources as well (another scanner), classifiers can disagree for that:
    where a linear model tells the source by the input better than chance, a disagreement is shown
    and not judged. It judges best where rows were given to annotators at random.
    How to fix: have the disputed classes labeled again under one definition, merge or split them,
    train on soft labels, and write the definition into the datasheet.
    References: Khan and Fu 2021, arXiv:2102.02320 (the experiment; differs: a ridge classifier
    on columns or coarse pixels, pairs of sources and halves in place of ensembles); Fleiss 1971,
    doi:10.1037/h0031619; Krippendorff 2011, repository.upenn.edu/asc_papers/43; Landis and Koch
    1977, doi:10.2307/2529310 (words for kappa).

    Args:
        min_ratio: least agreement between sources over that within one.
        min_self: kappa of halves of one source below which the classifiers are too weak; a label
            on which they are is shown and not judged.
    """

    min_ratio: float = limit(
        0.8, "above", "no standard sets one; at 0.8 a fifth of the agreement is lost"
    )
    min_self: float = 0.6

    card = Card("label-consistency", "Labels differ between sources", paper="arxiv:2102.02320")
    code = "RW-DATA-007"
    area = "data"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        role_column(subject.dataset, "environment")
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("it compares what classes mean; the target is a number")
        comparable(subject.dataset)
        return (SourceLabelers(), EnvironmentProbe())

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        value = get(SourceLabelers())
        seed = subject.seed_for(self)
        panel = LabelPanel(subject, value, seed)
        between, within, ratio = panel.agreement()
        if within.value < self.min_self:
            raise NotAssessed(
                "the classifiers are too weak to judge labels by: those of two halves of one "
                f"source agree with a kappa of {within.value:.2f}; it takes {self.min_self:g}"
            )
        column = role_column(subject.dataset, "environment")
        ratios, labels = panel.by_label(self.min_self)
        worst = min(ratios, key=lambda name: ratios[name].value, default=panel.names[0])
        estimate = smallest([ratio, *ratios.values()]) if len(panel.names) > 2 else ratio
        threshold = self.threshold("min_ratio")
        judged: dict[str, Any] = {"estimate": estimate, "threshold": threshold}
        if compare(estimate, threshold) is not Verdict.PASS and _tells_source(subject, get, seed):
            judged = {"verdict": Verdict.NOT_ASSESSED, "reason": INPUTS_DIFFER}
        return (
            self.finding(
                f"Classifiers that learned labels from different values of {column!r} agree with a "
                f"kappa of {between.value:.2f} on {between.n} test rows; those of two halves of "
                f"one with {within.value:.2f}. {len(value.sources)} values and "
                f"{len(panel.names)} labels were compared; {worst!r} is the least consistent.",
                measures=(between, within, ratio, *panel.together()),
                tables=(labels, panel.by_pair(), panel.accuracy()),
                examples=panel.disputed(),
                remedies=(
                    Remedy(
                        f"Have rows of {worst!r} from all sources labeled again under one "
                        "definition, or merge it with the label it is taken for."
                    ),
                    Remedy("Write into the datasheet how each source defines its labels."),
                    Remedy("Where definitions must differ, train and test within one source."),
                ),
                **judged,
            ),
        )


def _tells_source(subject: Subject, get: Get, seed: int) -> bool:
    """Say that a linear model tells the source by the input more often than chance does."""
    try:
        probe = get(EnvironmentProbe())
    except NotAssessed:  # too few rows of a source to say: then nothing excuses the disagreement
        return False
    _, code, rows = np.unique(probe.environment, return_inverse=True, return_counts=True)
    hit = (probe.environment == probe.guess).numpy()
    shares = hit * len(code) / (len(rows) * rows[code])  # their mean is the balanced accuracy
    groups = clusters(subject.dataset, subject.dataset.train.take(probe.rows))
    told = mean("source told by the input", shares, seed=seed, clusters=groups)
    return told.low > 1 / len(rows)
