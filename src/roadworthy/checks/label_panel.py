"""How classifiers of several sources agree on the same rows."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np

from roadworthy.artifacts.roles import clusters, role_column
from roadworthy.artifacts.source_labelers import SourceLabelersValue
from roadworthy.checks.examples import pictures_of, rows_of, values_of
from roadworthy.core.agreement import Level, fleiss_kappa, krippendorff_alpha, rating_counts
from roadworthy.core.artifact import Subject
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, bootstrap
from roadworthy.core.finding import Examples, Table

Statistic = Callable[[np.ndarray, slice], float]  # of how often rows count, and repetitions

RESAMPLES = 1000
DISPUTED = 0.5  # share of pairs of sources that differ, beyond that of halves of one


class LabelPanel:
    """The classifiers' labels, and estimates of how far they agree.

    An estimate is the mean over repetitions. Each resample draws rows again, and one repetition:
    its halves are half of the training rows, and the spread over half-samples is that over draws
    of training rows (McCarthy 1969, "Pseudo-replication: half samples").

    Args:
        subject: what the classifiers learned from.
        value: their labels.
        seed: of the bootstrap.
    """

    def __init__(self, subject: Subject, value: SourceLabelersValue, seed: int) -> None:
        self._subject, self._value, self._seed = subject, value, seed
        self.names = tuple(subject.dataset.classes[c] for c in value.classes)
        labels = value.labels.numpy()  # (T, S, 2, P)
        self._labels = labels
        sources = range(len(value.sources))
        # (T, 1 or 2, P, 2): a half of a source is paired with its other, or another's other, half
        self._within = {(s, s): _paired(labels[:, s, :1], labels[:, s, 1:]) for s in sources}
        self._between = {
            (a, b): _paired(labels[:, a], labels[:, b, ::-1]) for a, b in combinations(sources, 2)
        }
        test = subject.dataset.test.take(value.rows)
        self._groups, self._test = clusters(subject.dataset, test), test

    def agreement(self) -> tuple[Measure, Measure, Measure]:
        """Estimate kappa between sources, within one, and the ratio of the two."""
        between, within = self._counts(self._between), self._counts(self._within)
        return self._agreement("", between, within, self._comparisons)

    @property
    def _comparisons(self) -> int:
        """How many ratios are judged: of two labels, each against the rest is all there is."""
        return 1 if len(self.names) == 2 else 1 + len(self.names)

    def _counts(self, pairs: dict[tuple[int, int], np.ndarray]) -> np.ndarray:
        return rating_counts(np.concatenate(list(pairs.values()), 1), len(self.names))

    def _agreement(
        self, what: str, between: np.ndarray, within: np.ndarray, comparisons: int
    ) -> tuple[Measure, Measure, Measure]:
        across, inside = _mean_kappa(between), _mean_kappa(within)
        return (
            self._estimate(f"kappa between sources{what}", across),
            self._estimate(f"kappa within a source{what}", inside),
            self._estimate(
                f"kappa between sources over that within{what}",
                lambda weights, turn: float(
                    np.divide(across(weights, turn), inside(weights, turn))
                ),
                comparisons,
            ),
        )

    def _estimate(self, name: str, statistic: Statistic, comparisons: int = 1) -> Measure:
        n, repeats = len(self._test), len(self._labels)
        drawn = np.random.default_rng(self._seed).integers(0, repeats, RESAMPLES)
        # the bootstrap asks for the estimate first, then for its resamples
        turns = iter([slice(None), *(slice(t, t + 1) for t in drawn)])

        def of_rows(rows: np.ndarray) -> float:
            with np.errstate(invalid="ignore", divide="ignore"):  # undefined resamples are dropped
                return statistic(np.bincount(rows, minlength=n), next(turns))

        found = bootstrap(
            name,
            of_rows,
            n,
            seed=self._seed,
            clusters=self._groups,
            resamples=RESAMPLES,
            comparisons=comparisons,
        )
        return replace(found, method=f"{found.method}, over half-samples of the training rows")

    def together(self) -> tuple[Measure, Measure]:
        """Estimate Fleiss' kappa and Krippendorff's alpha of one classifier of each source."""
        raters = np.moveaxis(self._labels, 1, -1)  # (T, 2, P, S)
        counts = rating_counts(raters, len(self.names))
        level: Level = "ordinal" if self._subject.dataset.task == Task.ORDINAL else "nominal"

        def alpha(weights: np.ndarray, turn: slice) -> float:
            panels = counts[turn].reshape(-1, *counts.shape[2:])
            return float(np.mean([krippendorff_alpha(each, level, weights) for each in panels]))

        return (
            self._estimate("Fleiss' kappa of all sources", _mean_kappa(counts)),
            self._estimate(f"Krippendorff's alpha of all sources ({level})", alpha),
        )

    def by_label(self, min_self: float) -> tuple[dict[str, Measure], Table]:
        """Estimate the ratio for each label against the rest, and tabulate it.

        Only labels that two halves of a source agree on with a kappa of `min_self` are named.
        """
        between, within = self._counts(self._between), self._counts(self._within)
        lines: list[tuple[str | float | None, ...]] = []
        ratios = {}
        for k, name in enumerate(self.names):
            against = (np.stack([c[..., k], 2 - c[..., k]], -1) for c in (between, within))
            try:
                across, inside, ratio = self._agreement(f", {name}", *against, self._comparisons)
            except NotAssessed:  # hardly a row is given this label
                lines.append((name, *[None] * 7))
                continue
            if inside.value >= min_self:
                ratios[name] = ratio
            ends = (ratio.value, ratio.low, ratio.high)
            lines.append((name, across.value, across.low, across.high, inside.value, *ends))
        columns = ("label", "kappa between", "low", "high", "kappa within", "ratio", "low", "high")
        return ratios, Table("Agreement by label, against the rest", columns, tuple(lines))

    def by_pair(self) -> Table:
        """Tabulate the agreement of each pair of sources, and of the halves of each."""
        lines = []
        for (a, b), ratings in (self._within | self._between).items():
            names = self._value.sources[a], self._value.sources[b]
            counts = rating_counts(ratings, len(self.names))
            kappa = self._estimate(" and ".join(names), _mean_kappa(counts))
            same = float((ratings[..., 0] == ratings[..., 1]).mean())
            lines.append((*names, kappa.value, kappa.low, kappa.high, same))
        columns = ("source", "and source", "kappa", "low", "high", "same label")
        return Table(
            "Agreement by pair of sources; of halves where they are one", columns, tuple(lines)
        )

    def accuracy(self) -> Table:
        """Tabulate how often a source's classifiers give the label of its own and other rows."""
        column = role_column(self._subject.dataset, "environment")
        origin = self._test.columns[column].astype(str)
        given = np.searchsorted(self._value.classes, self._test.y.numpy())
        lines = []
        for s, source in enumerate(self._value.sources):
            right = (self._labels[:, s] == given).mean((0, 1))
            own = origin == source
            shares = [float(right[part].mean()) if part.any() else None for part in (own, ~own)]
            lines.append((source, int(own.sum()), shares[0], int((~own).sum()), shares[1]))
        columns = ("source", "own rows", "right", "other rows", "right")
        return Table("Right answers of each source's classifiers", columns, tuple(lines))

    def disputed(self) -> tuple[Examples, ...]:
        """Show the rows that sources label differently and halves of a source alike."""
        apart, alike = (
            np.mean([(r[..., 0] != r[..., 1]).mean((0, 1)) for r in pairs.values()], 0)
            for pairs in (self._between, self._within)
        )
        dispute = apart - alike
        order = np.argsort(-dispute, kind="stable")[: int((dispute > DISPUTED).sum())]
        if not len(order):
            return ()
        said = [self._usual(s)[order] for s in range(len(self._value.sources))]
        details = tuple(
            "; ".join(
                f"{source}: {self.names[label]}"
                for source, label in zip(self._value.sources, labels, strict=True)
            )
            for labels in zip(*said, strict=True)
        )
        data, title = self._subject.dataset, "Test rows that sources label differently"
        return (
            Examples(
                title,
                rows_of(self._test, order),
                details=details,
                pictures=pictures_of(data, self._test, order, details),
                table=values_of(data, self._test, order, title),
                total=len(order),
            ),
        )

    def _usual(self, source: int) -> np.ndarray:
        """Give the label that most of a source's classifiers give each row (P,)."""
        votes = self._labels[:, source].reshape(-1, len(self._test)).T
        return np.asarray(rating_counts(votes, len(self.names)).argmax(-1))


def _paired(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([first, second], -1)


def _mean_kappa(counts: np.ndarray) -> Statistic:
    """Give the mean of Fleiss' kappa over panels (T, L, N, K), as a function."""
    return lambda weights, turn: float(fleiss_kappa(counts[turn], weights).mean())
