from dataclasses import dataclass, replace
from pathlib import Path

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.progress import Progress
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy
from roadworthy.training.weights import fitting, weights_in


@dataclass(frozen=True)
class FineTune(Strategy):
    """Fine-tuning: start with what another network of the same kind has learned.

    The weights come from a bundle; the last layer starts at random, for it belongs to other
    classes. How fast which layer then learns is for others to say: linear-probe, lp-ft,
    gradual-unfreezing, discriminative-rates or lora go with it. It helps where the other task is
    akin to this one and had more rows.

    Source: Yosinski et al. 2014, arXiv:1411.1792.

    Args:
        source: folder of the bundle; it is needed again when the model is trained again.
        keeps_head: whether the last layer too starts with what it was; for the same classes in the
            same order.
        digest: of the bundle's weights; filled in by itself, and what it must be where it is given.
    """

    source: str = ""
    keeps_head: bool = False
    digest: str = ""

    card = Card(
        "fine-tune",
        "Fine-tuning",
        aliases=("transfer",),
        paper="arxiv:1411.1792",
        safety="retrains",
    )
    purpose = "transfer"
    tasks = CLASSES | {Task.REGRESSION}
    kinds = KINDS

    def prepared(self) -> "FineTune":
        if not self.source:
            return self
        digest = fingerprint(weights_in(Path(self.source)))
        if self.digest not in ("", digest):
            raise InputError(
                f"{self.source} holds other weights than what was trained from before: bring them "
                "back, or train anew"
            )
        return replace(self, digest=digest)

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not self.source:
            raise InputError("fine-tune starts with the weights of a bundle: name it as the source")
        source = Path(self.source)
        start = fitting(weights_in(source), plan.parts, source, with_top=self.keeps_head)
        return plan.set(self.card.name, start=start)
