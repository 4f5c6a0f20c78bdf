from dataclasses import dataclass
from typing import Any

import torch

from roadworthy.artifacts.adversarial_examples import AdversarialExamples, AdversarialExamplesValue
from roadworthy.artifacts.roles import clusters
from roadworthy.attacks.evasion.spatial import Spatial
from roadworthy.attacks.physical.laser_beam import LaserBeamSearch
from roadworthy.attacks.physical.phantom import PhantomSearch
from roadworthy.attacks.threats.laser_beam import LaserBeam
from roadworthy.attacks.threats.phantom import Phantom
from roadworthy.attacks.threats.rotation_translation import RotationTranslation
from roadworthy.checks import masking
from roadworthy.checks.attack_runs import left
from roadworthy.checks.perturbed_rows import nearest
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.attack import EvasionAttack
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Figure, Finding, Remedy, Series
from roadworthy.core.model import Offer
from roadworthy.core.threat import Transformation

SHARES = (0.25, 0.5, 1.0)  # of the largest change
ATTACKED = 10  # one row of so many that other attacks take
FEWEST = 20
REMEDIES = {
    "laser-beam": "Add beams and patches of light to the training images, or filter such light "
    "before the camera; compare answers over several frames.",
    "rotation-translation": "Turn and shift the training images (augmentation), or answer by a "
    "vote over several turned and shifted copies.",
    "phantom": "Train with objects faded into the scene, and ask for depth, or for an answer that "
    "lasts, before acting on what one camera sees.",
}
CHANGES = {
    "laser-beam": "a beam of colored light",
    "rotation-translation": "a turn and a shift",
    "phantom": "a faint object projected into the scene",
}


@dataclass(frozen=True)
class PhysicalRobustness(Check):
    """How often is the model still right when somebody shines on, turns or fakes what it sees?

    What it does: takes random test images and searches, for each, a beam of colored light, a turn
    with a shift, and an object projected into the scene that make the model err, at a quarter, half
    and all of the largest strength. A row counts that is right and on which no such change was
    found. The searches ask for scores only, and a better one may find more errors.
    Why it matters: such changes need no access to the model, only to what stands before its camera.
    When it does not apply: tables, regression, images that are neither gray nor RGB, models that
    give only labels. The scenes are simulated: no optics, depth or movement. Nobody checked that
    the changed images can still be told apart; a digit or letter may turn into another one.
    How to fix: train with such changes, and let several frames or sensors agree.
    References: Duan et al. 2021, arXiv:2103.06504 (laser beam); Engstrom et al. 2017,
    arXiv:1712.02779 (rotation and translation); Nassi et al. 2020, doi:10.1145/3372297.3423359
    (phantoms).

    Args:
        min_accuracy: least share of rows that are right and stay right.
        laser_intensity: light that the strongest beam adds, of a range of 1.
        max_angle: largest angle, in degrees.
        max_shift: largest shift, as a share of the side.
        phantom_intensity: light that the strongest projection adds, of a range of 1.
    """

    min_accuracy: float = limit(
        0.5,
        "above",
        "no standard sets one; at 0.5 half of all answers can be turned",
    )
    laser_intensity: float = 0.5
    max_angle: float = 15.0
    max_shift: float = 0.05
    phantom_intensity: float = 0.3

    card = Card(
        "physical-robustness",
        "Accuracy under light, turns and phantoms",
        aliases=("physical-attacks",),
        paper="arxiv:2103.06504",
    )
    code = "RW-ROB-003"
    area = "robustness"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        spec, data = subject.model.spec, subject.dataset
        if spec.task == Task.REGRESSION:
            raise NotAssessed("attacks look for a wrong class; regression has none")
        if data.kind != "image":
            raise NotAssessed("light, turns and phantoms change what a camera sees, not tables")
        if data.test.x.shape[1] not in (1, 3):
            raise NotAssessed("beams and phantoms are known for gray and RGB images only")
        if Offer.SCORES not in spec.offers:
            raise NotAssessed(f"{spec.name} gives only labels, and the searches follow scores")
        runs = self._runs(subject).values()
        return tuple(request for requests in runs for request in requests)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        return tuple(
            self._judge(subject, kind, [get(request) for request in requests])
            for kind, requests in self._runs(subject).items()
        )

    def _runs(self, subject: Subject) -> dict[str, tuple[AdversarialExamples, ...]]:
        n = max(FEWEST, subject.effort.attacked // ATTACKED)
        found: dict[str, tuple[AdversarialExamples, ...]] = {}
        for share in SHARES:
            pairs: tuple[tuple[EvasionAttack, Transformation], ...] = (
                (LaserBeamSearch(), LaserBeam(share, self.laser_intensity)),
                (Spatial(steps=9), RotationTranslation(share, self.max_angle, self.max_shift)),
                (PhantomSearch(), Phantom(share, max_intensity=self.phantom_intensity)),
            )
            for attack, threat in pairs:
                request = AdversarialExamples(attack, threat, n)
                found[threat.kind] = (*found.get(threat.kind, ()), request)
        return found

    def _judge(self, subject: Subject, kind: str, runs: list[AdversarialExamplesValue]) -> Finding:
        data = subject.dataset
        together = clusters(data, data.test.take(runs[0].rows))
        clean = left("accuracy unchanged", runs[0].is_wrong, together)
        # what is beaten by a small change is beaten by a larger one, found again or not
        beaten = torch.stack([run.success for run in runs]).cummax(0).values
        kept = [
            left(f"accuracy at {share:.0%} of the strength", lost, together)
            for share, lost in zip(SHARES, beaten, strict=True)
        ]
        estimate = left(f"accuracy under {kind}", beaten[-1], together)
        claim = (
            f"At most {estimate.value:.1%} of {estimate.n} attacked test images are right and stay "
            f"right under {CHANGES[kind]}; unchanged {clean.value:.1%} are right. This is an upper "
            "bound: a better search may find more errors."
        )
        threshold, alarms = self.threshold("min_accuracy"), masking.declared(subject.model)
        verdict, reason = masking.judged(estimate, threshold, alarms)
        return self.finding(
            claim,
            verdict=verdict,
            reason=reason,
            scope=kind,
            estimate=estimate,
            threshold=threshold,
            measures=(clean, *kept),
            figures=(_figure(kind, clean, kept),),
            examples=nearest(subject.dataset, runs[-1]),
            remedies=(Remedy(REMEDIES[kind]),),
            alarms=alarms,
        )


def _figure(kind: str, clean: Measure, kept: list[Measure]) -> Figure:
    points = (clean, *kept)
    return Figure(
        kind="line",
        title="Accuracy over strength",
        text=f"Accuracy under {CHANGES[kind]} goes from {clean.value:.1%} without it to "
        f"{kept[-1].value:.1%} at full strength.",
        x_label="strength, as a share of the largest (0: unchanged)",
        y_label="accuracy",
        y_range=(0.0, 1.0),
        series=(Series.of(kind, (0.0, *SHARES), points),),
    )
