"""What detectors are worth, put into the finding of the attacks that they were tried on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from roadworthy.artifacts.adversarial_examples import IN_BATCHES
from roadworthy.artifacts.detections import Detections, DetectionsValue
from roadworthy.core.artifact import Bench
from roadworthy.core.attack import EvasionAttack
from roadworthy.core.dataset import Dataset
from roadworthy.core.detector import Detector, check_kind, roc
from roadworthy.core.driver import Limits
from roadworthy.core.estimates import Measure, proportion
from roadworthy.core.finding import Alarm, Figure, Finding, Series, Table
from roadworthy.core.threat import Threat

FEWEST = 2  # adversarial inputs for a ROC curve
FEW = 0.02  # a share of rows that says nothing of the rest


@dataclass(frozen=True, eq=False)
class Watched:
    """One detector's test.

    Args:
        detector: was tested.
        value: what came out.
    """

    detector: Detector
    value: DetectionsValue

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.detector.card.name

    @property
    def adversarial(self) -> Tensor:
        """(A,) scores of the inputs that were made without knowing of the detector."""
        return self.value.adversarial[self.is_found]

    @property
    def is_found(self) -> Tensor:
        """(R,) bool: there is such an input."""
        return ~self.value.adversarial.isnan()

    @property
    def area(self) -> Measure:
        """The area under the ROC curve."""
        return self._named(roc(self.value.clean, self.adversarial))

    @property
    def false_alarms(self) -> Measure:
        """The share of clean test rows that are detected."""
        return self._share("clean inputs detected", self.value.clean > self.value.threshold)

    @property
    def detected(self) -> Measure:
        """The share of those inputs that are detected."""
        is_detected = self.adversarial > self.value.threshold
        return self._share("detected, made without knowing of it", is_detected)

    @property
    def detected_knowing(self) -> Measure:
        """The share of the same rows on which no error gets past it."""
        is_held = ~self.value.is_undetected[self.is_found]
        return self._share("detected, made knowing of it, at most", is_held)

    @property
    def undetected(self) -> Measure:
        """The share of all attacked rows with an error that gets past it."""
        return self._share("rows with an undetected error, at least", self.value.is_undetected)

    def _share(self, what: str, hits: Tensor) -> Measure:
        return self._named(proportion(what, int(hits.sum()), len(hits)))

    def _named(self, measure: Measure) -> Measure:
        return replace(measure, name=f"{self.name}: {measure.name}")


def check_detectors(detectors: Sequence[Detector], data: Dataset) -> None:
    """Say that all detectors must know the kind of input.

    Raises:
        InputError: one does not.
    """
    for detector in detectors:
        check_kind(detector, data)


def watch(
    bench: Bench,
    detectors: Sequence[Detector],
    attacks: Sequence[EvasionAttack],
    threat: Threat,
    n: int,
    target: str = "",
    limits: Limits = IN_BATCHES,
) -> tuple[Watched, ...]:
    """Try detectors on what attacks find, and on attacks that know of them.

    Raises:
        InputError: the model does not offer what a detector needs, or there are too few rows.
    """
    tests = []
    for detector in detectors:
        request = Detections(detector, tuple(attacks), threat, n, target, limits)
        tests.append(Watched(detector, bench.get_for((request,))(request)))
    return tuple(tests)


def with_detectors(finding: Finding, tests: Sequence[Watched]) -> Finding:
    """Add what the detectors are worth to the finding of the attacks."""
    judged = [test for test in tests if len(test.adversarial) >= FEWEST]
    if not judged:
        claims = [finding.claim, *map(claim, tests)]
        return replace(finding, claim=" ".join(claims))
    measures = [measure for test in judged for measure in measures_of(test)]
    papers = (test.detector.card.paper for test in judged)
    return replace(
        finding,
        claim=" ".join([finding.claim, *map(claim, tests)]),
        measures=(*finding.measures, *measures),
        figures=(*finding.figures, curves(judged)),
        tables=(*finding.tables, table(judged)),
        alarms=(*finding.alarms, *(alarm for test in judged for alarm in alarms(test))),
        references=tuple(dict.fromkeys((*finding.references, *papers, "arxiv:1705.07263"))),
    )


def claim(test: Watched) -> str:
    """Say what a detector is worth, and for whom."""
    if len(test.adversarial) < FEWEST:
        found = len(test.adversarial)
        return f"Of {test.name} nothing is known: the attacks found {found} inputs to detect."
    static, knowing = test.detected, test.detected_knowing
    without = (
        f"{test.name} detects {static.value:.1%} of {static.n} adversarial inputs that were made "
        f"without knowing of it, and {test.false_alarms.value:.1%} of clean ones"
    )
    if not test.value.knowing:
        return f"{without}; what it is worth against who knows of it was not assessed."
    return f"{without}; of those made knowing of it at most {knowing.value:.1%}.{_verdict(test)}"


def _verdict(test: Watched) -> str:
    static, knowing = test.detected, test.detected_knowing
    if knowing.high < static.low / 2:
        return " It only works against those who do not know of it."
    if knowing.high < static.low:
        return " It works less against those who know of it."
    return ""


def measures_of(test: Watched) -> tuple[Measure, ...]:
    """Give what was measured of a detector."""
    static = (test.area, test.false_alarms, test.detected)
    if not test.value.knowing:
        return static
    return (*static, test.detected_knowing, test.undetected)


def table(tests: Sequence[Watched]) -> Table:
    """Tabulate detectors at their thresholds."""
    columns = (
        "detector", "area under ROC", "clean", "not knowing", "knowing, at most", "rows passed",
    )  # fmt: skip
    lines = []
    for test in tests:
        numbers = [test.area, test.false_alarms, test.detected]
        last = [test.detected_knowing, test.undetected] if test.value.knowing else []
        shares = [measure.value for measure in (*numbers, *last)]
        lines.append((test.name, *shares, *[None] * (5 - len(shares))))
    title = (
        "Inputs that detectors detect at 5 % false positives on training rows, and attacked rows "
        "with an error that gets past them"
    )
    return Table(title, columns, tuple(lines))


def curves(tests: Sequence[Watched]) -> Figure:
    """Draw the ROC curves of inputs that were made without knowing of the detectors."""
    areas = ", ".join(f"{test.area.value:.2f} for {test.name}" for test in tests)
    return Figure(
        kind="line",
        title="ROC curves of the detectors",
        text=f"Share of adversarial inputs detected over that of clean ones; the area is {areas}.",
        x_label="clean inputs detected",
        y_label="adversarial inputs detected",
        y_range=(0.0, 1.0),
        series=tuple(_curve(test) for test in tests),
        diagonal=True,
        marks=((0.05, "5 %"),),
    )


def _curve(test: Watched) -> Series:
    clean, adversarial = (np.sort(scores) for scores in (test.value.clean, test.adversarial))
    at = np.unique(np.concatenate([clean, adversarial]))[::-1]
    ends = [
        np.append(1 - np.searchsorted(scores, at, "right") / len(scores), 1.0)
        for scores in (clean, adversarial)
    ]
    return Series(test.name, *(tuple(end.tolist()) for end in ends))


def alarms(test: Watched) -> tuple[Alarm, ...]:
    """Look for rows on which the attacks that know of the detector were blind."""
    share = float(test.value.is_blind.double().mean())
    if share <= FEW:
        return ()
    text = (
        f"On {share:.1%} of the attacked rows the attacks that know of {test.name} had no gradient "
        "to follow at most steps: what it seems to withstand there says nothing."
    )
    return (Alarm("blind-to-detector", text),)
