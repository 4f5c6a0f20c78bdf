from dataclasses import dataclass
from typing import Any

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.estimates import count, share_of_rows
from roadworthy.core.finding import Finding, Remedy, Threshold

TEST = Predictions("test")


@dataclass(frozen=True)
class Claims(Check):
    """Does the test split bear out what is said of the model?

    What it does: compares an accuracy that is claimed, in a paper, a data sheet, a contract, with
    the interval of the measured one. It also says how much of the accuracy may be due to choosing:
    where the model is the best of several that were compared on these test rows, the interval
    is widened to hold for all of them at once (Bonferroni), and the judged number is how far its
    lower end lies below the accuracy.
    Why it matters: a claim outlives the numbers behind it. The best of many models on one test
    split is partly the luckiest: each look at the test rows uses them up.
    When it does not apply: nothing is declared; regression. How often the test rows were looked at
    cannot be measured, only declared. If each model was changed after the look at the one before,
    the true optimism is larger.
    How to fix: claim the lower end; choose on validation rows or by cross-validation; keep test
    rows that nobody has looked at.
    References: Dwork et al. 2015, doi:10.1126/science.aaa9375 (reusable holdout); Blum and Hardt
    2015, arXiv:1502.04585; Wilson 1927, doi:10.2307/2276774.

    Args:
        claimed_accuracy: the accuracy that is claimed, as a share of rows; 0 for none.
        looks: how many models were compared on the test rows, this one with them; 0 for not told.
        max_optimism: largest part of the accuracy that choosing may explain.
    """

    claimed_accuracy: float = 0.0
    looks: int = 0
    max_optimism: float = limit(
        0.05, "below", "no standard sets one: five points decide between good and poor models"
    )

    card = Card(
        "claims",
        "Claims against evidence",
        aliases=("test-reuse",),
        paper="doi:10.1126/science.aaa9375",
    )
    code = "RW-METH-003"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if not 0 <= self.claimed_accuracy <= 1:
            raise InputError("claimed_accuracy of claims is a share: write 0.9 for 90 %")
        if self.looks < 0 or self.looks != int(self.looks):
            raise InputError("looks of claims must be a whole number, 0 for not told")
        if not self.claimed_accuracy and not self.looks:
            raise NotAssessed(
                "nothing is declared: under [checks.claims] in roadworthy.toml, set "
                "claimed_accuracy, or looks for how many models were compared on the test rows"
            )
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("it judges a claimed accuracy; the target is a number")
        return (TEST,)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        right = (get(TEST).choice == data.test.y).numpy()
        groups = clusters(data, data.test)
        findings = []
        if self.claimed_accuracy:
            accuracy = share_of_rows("accuracy", right, groups)
            findings.append(
                self.finding(
                    f"An accuracy of {self.claimed_accuracy:.1%} is claimed; on {len(right)} test "
                    f"rows it is {accuracy.value:.1%}, between {accuracy.low:.1%} and "
                    f"{accuracy.high:.1%}.",
                    scope="accuracy",
                    estimate=accuracy,
                    threshold=Threshold(
                        "claimed_accuracy", self.claimed_accuracy, "above", "policy file"
                    ),
                    remedies=(Remedy(f"Claim no more than {accuracy.low:.1%}, or test on more."),),
                )
            )
        if self.looks:
            best = share_of_rows("accuracy", right, groups, int(self.looks))
            optimism = count(
                "accuracy that choosing can explain",
                best.value - best.low,
                best.n,
                "share",
                f"value minus lower end ({best.method})",
            )
            findings.append(
                self.finding(
                    f"The best of {self.looks} models on these test rows is right on "
                    f"{best.value:.1%} of them; what it does on others is at least {best.low:.1%}.",
                    scope="choosing on the test rows",
                    estimate=optimism,
                    threshold=self.threshold("max_optimism"),
                    measures=(best,),
                    remedies=(
                        Remedy("Choose on validation rows, and test once on rows not looked at."),
                    ),
                )
            )
        return tuple(findings)
