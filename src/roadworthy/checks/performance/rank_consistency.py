from dataclasses import dataclass
from typing import Any

from roadworthy.artifacts.rank_probabilities import RankProbabilities, split_network
from roadworthy.artifacts.roles import clusters
from roadworthy.checks.repairs import by_training
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count, share_of_rows
from roadworthy.core.finding import Finding, Verdict
from roadworthy.core.ordinal_measures import breaks_order

ROUNDING = 1e-6  # of probabilities in single precision
RANKS = RankProbabilities()


@dataclass(frozen=True)
class RankConsistency(Check):
    """Does the model call a row above a rank more surely than above a lower one?

    What it does: takes from an ordinal head how surely each test row is above each rank, before
    classes are made of it, and counts the rows where that rises from one rank to the next. Warns
    where there are any; the share comes with its interval.
    Why it matters: whoever is above 40 is above 30. Probabilities that say otherwise belong to no
    distribution: those of the classes between would be negative, and what is shown in their place
    was repaired.
    When it does not apply: models whose last part says nothing of ranks; two classes, which have
    one rank. A network behind a guard is not looked into.
    How to fix: CORN or a cumulative link model, which keep the order in any state; CORAL keeps it
    once it is trained.
    References: Cao, Mirjalili and Raschka 2020, arXiv:1901.07884, section 4.4.
    """

    card = Card("rank-consistency", "Ranks that contradict each other", paper="arxiv:1901.07884")
    code = "RW-PERF-006"
    area = "performance"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        _, head = split_network(subject.model)
        if head.classes < 3:
            raise NotAssessed("two classes have one rank, which cannot contradict another")
        return (RANKS,)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        is_above = get(RANKS).is_above.double().numpy()
        is_broken = breaks_order(is_above, ROUNDING)
        share = share_of_rows(
            "rows with contradicting ranks",
            is_broken,
            clusters(subject.dataset, subject.dataset.test),
        )
        rises = (is_above[:, 1:] - is_above[:, :-1]).max()
        largest = count("largest rise from a rank to the next", max(0.0, rises), share.n, "share")
        claim = (
            f"On {int(is_broken.sum())} of {share.n} test rows ({share.value:.1%}) the model is "
            "surer that a class is above a rank than that it is above a lower one."
        )
        finding = self.finding(
            claim,
            verdict=Verdict.WARN if is_broken.any() else Verdict.PASS,
            measures=(share, largest),
            remedies=(
                by_training(
                    subject,
                    "Train with a head that keeps ranks in order whatever its weights.",
                    "corn",
                ),
            ),
        )
        return (finding,)
