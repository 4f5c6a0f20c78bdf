"""What quick models see in parts of the input, with intervals by group."""

import numpy as np

from roadworthy.artifacts.partial_views import SOURCE, PartialViewsValue
from roadworthy.artifacts.quick_model import class_ranking
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Subject
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, Ranking, count, ranked
from roadworthy.core.finding import Alarm

CHANCE = 0.5  # of a ranking that knows nothing


class SeenParts:
    """What the quick models saw, with intervals by group.

    Args:
        subject: what is judged.
        value: the scores of every part.
    """

    def __init__(self, subject: Subject, value: PartialViewsValue) -> None:
        self.value = value
        self.names = value.names
        self.y = value.y.numpy()
        self.groups = clusters(subject.dataset, subject.dataset.train.take(value.rows))
        self.has_sources = len(value.source) > 0
        self._known = value.source.numpy() >= 0

    def ranking(self, part: str) -> Ranking:
        """Rank all rows by a part."""
        return class_ranking(self.value.scores[self.names.index(part)].numpy(), self.y)

    def auc(self, part: str, comparisons: int = 1) -> Measure:
        """Estimate how well a part ranks the labels."""
        return ranked(auc_name(part), self.ranking(part), self.groups, comparisons)

    def is_beyond_chance(self, part: str, among: tuple[str, ...]) -> bool:
        """Say whether the best of several parts tells more than any does of permuted labels.

        On few rows the interval alone is too narrow: it takes the quick models for given.
        """
        auc, best = self.auc(part), max(self._controls(name).max() for name in among)
        return auc.low > CHANCE and auc.value > best

    def within(self, part: str) -> Measure | None:
        """Estimate the same within one source, where one has several labels."""
        rows = self.value.within.numpy()
        if not len(rows):
            return None
        scores = self.value.within_scores[self.names.index(part)].numpy()
        groups = None if self.groups is None else self.groups[rows]
        name = f"{auc_name(part)} within {self.value.within_name!r}"
        return ranked(name, class_ranking(scores, self.y[rows]), groups)

    def source(self, part: str) -> Measure | None:
        """Estimate how well a part ranks sources, among rows of one label where there are any."""
        if not self.has_sources:
            return None
        rows = self._known
        scores = self.value.source_scores[self.names.index(part)].numpy()[rows]
        scores = scores if rows.all() else scores[:, 1:]  # the first is that of unknown sources
        code = self.value.source.numpy()[rows]
        groups = None if self.groups is None else self.groups[rows]
        # within labels, unless each label has a source of its own
        for how, strata in ((", label by label", self.y[rows]), ("", None)):
            try:
                found = class_ranking(scores, code, strata)
            except NotAssessed:
                continue
            return ranked(f"AUC for the source{how}: {part}", found, groups)
        return None

    def evidence(self, part: str, least: float) -> str:
        """Say how the source explains what a part tells; nothing where it does not."""
        if not self.has_sources or part == SOURCE:
            return ""
        told, source = self.auc(SOURCE), self.source(part)
        if source is None or min(told.low, source.low) <= least:
            return ""
        return (
            f": it tells the source (AUC {source.value:.2f}), and the source the label "
            f"(AUC {told.value:.2f})"
        )

    def controls(self, part: str) -> tuple[Measure, ...]:
        """Give what a part is compared with."""
        found = (self.within(part), self.source(part))
        told = (self.auc(SOURCE),) if self.has_sources else ()
        return (*(measure for measure in found if measure), *told, self.permuted(part))

    def permuted(self, part: str) -> Measure:
        """Average the AUC over permuted labels."""
        values = self._controls(part)
        how = f"mean of {len(values)} permutations, from {values.min():.2f} to {values.max():.2f}"
        name = f"AUC with permuted labels: {part}"
        return count(name, float(values.mean()), len(self.y), method=how)

    def alarms(self, part: str) -> tuple[Alarm, ...]:
        """Raise an alarm where permuted labels are predicted too."""
        if self._controls(part).min() <= CHANCE:
            return ()
        text = "Every permutation of the labels was predicted better than chance: the test leaks."
        return (Alarm("permuted-labels", text),)

    def _controls(self, part: str) -> np.ndarray:
        controls: np.ndarray = self.value.controls[self.names.index(part)].numpy()
        return controls


def auc_name(part: str) -> str:
    """Name the AUC of a part."""
    return f"AUC of the {part}"
