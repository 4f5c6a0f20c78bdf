from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from roadworthy.attacks.evasion.apgd import APGD
from roadworthy.attacks.evasion.fab import FAB
from roadworthy.attacks.evasion.square import Square
from roadworthy.core.attack import Composite, EvasionAttack, Part
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Threat

TARGETS = {"linf": 9, "l2": 9, "l1": 5}  # of APGD; the most likely wrong classes
FAB_TARGETS = 9
FAB_REACH = 1.25
RESTARTS = 5
DRAWS = 20


@dataclass(frozen=True)
class AutoAttack(Composite):
    """AutoAttack: the usual measure of robust accuracy, an ensemble without anything to tune.

    Auto-PGD on two losses, FAB, which minimizes the distance, and Square, which takes no gradients,
    come one after the other; each sees only what the ones before left standing.

    Threat model: white box, L-inf, L2 or L1, fixed budget; untargeted.
    Cost: a sample that stands takes up to 1,900 gradients and 5,000 queries, one that falls to the
    first part a few gradients.
    Source: Croce, Hein 2020, arXiv:2003.01690, section 6; in L1 arXiv:2103.01208, section 5.
    Differs from the paper: a sample leaves at its first error within a part; the classes that APGD
    and FAB aim at are attacked side by side, at most K - 1 of K; FAB looks no farther than to an
    error within the budget and gives up what is far from one after a quarter of its steps; what
    APGD, FAB and Square do differently is said on their pages; Square does not know L1 and is left
    out there.

    Args:
        version: `standard`; `plus`, with more restarts, DLR and FAB that aim at no class too;
            `rand`, for models that answer at random: APGD on both losses, each gradient the mean of
            20.
        steps: gradient steps of each run of APGD and FAB.
        queries: of Square.
    """

    version: Literal["standard", "plus", "rand"] = "standard"
    steps: int = 100
    queries: int = 5000

    card = Card("auto-attack", "AutoAttack", aliases=("AutoAttack", "AA"), paper="arxiv:2003.01690")
    threats = frozenset({"linf", "l2", "l1"})
    needs = frozenset({Offer.GRADIENTS})
    is_targetable = False

    def parts(self, model: Model, y: Tensor, threat: Threat) -> tuple[Part, ...]:
        steps, restarted, rivals = self.steps, self.steps * RESTARTS, model.spec.outputs - 1
        apgd_t = APGD(steps, loss="dlr", targets=min(TARGETS[threat.kind], rivals))
        fab_t = FAB(steps, targets=min(FAB_TARGETS, rivals), reach=FAB_REACH)
        square = [Square(self.queries)] if threat.kind in Square.threats else []
        several = [APGD(restarted, RESTARTS, loss) for loss in ("ce", "dlr")]
        # a model that says it is random answers with a mean already
        draws = max(1, DRAWS // model.passes_per_call)
        attacks: dict[str, list[EvasionAttack]] = {
            "standard": [
                several[0] if threat.kind == "l1" else APGD(steps),
                apgd_t,
                fab_t,
                *square,
            ],
            "plus": [*several, FAB(restarted, RESTARTS, reach=FAB_REACH), *square, apgd_t, fab_t],
            "rand": [APGD(steps, loss=loss, draws=draws) for loss in ("ce", "dlr")],
        }
        return tuple(Part(attack) for attack in attacks[self.version])
