from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query, highest
from roadworthy.queries.uncertainty import entropy, information

CELLS = 1_000_000  # numbers that are looked at together
NEVER = 1e-9  # chance of a combination of labels, up to which it is left out


@dataclass(frozen=True)
class BatchBALD(Query):
    """Picks the items whose labels together tell most about which member of a committee is right.

    Where `bald` scores each item alone and may choose ten of a kind, here an item counts for what
    its label adds to those of the items chosen before. One after the other is chosen, which comes
    within a factor of 1 - 1/e of the best batch.

    The labels that the chosen items may have are looked at one by one while there are at most
    `outcomes` combinations, exactly; beyond that, so many of them are drawn by their probability.
    A gain never grows as items are added, so that most items need not be looked at again.

    Source: Kirsch, van Amersfoort and Gal 2019, arXiv:1906.08158; passing over what cannot be best,
    Minoux 1978, doi:10.1007/BFb0006528. Differs from the paper: drawn combinations are kept from
    one item to the next and prolonged, instead of being drawn anew; those less likely than one in
    a billion are left out.

    Args:
        outcomes: combinations of labels that are looked at, at most.
    """

    outcomes: int = 1024

    card = Card(
        "batch-bald",
        "Disagreement, of a whole batch",
        aliases=("batchbald",),
        paper="arxiv:1906.08158",
    )
    needs = frozenset({"members"})

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        members = pool.member_probabilities
        own = entropy(members).mean(0)
        outcomes = Outcomes.none(members)
        bound = information(members)
        chosen: list[int] = []
        for _ in range(n):  # the gain of each item depends on those before
            best = _best(members, own, outcomes, bound)
            chosen.append(best)
            bound[best] = -torch.inf
            outcomes = outcomes.prolonged(members[:, best], self.outcomes, generator)
        return torch.tensor(chosen, device=members.device)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Combinations of labels that the chosen items may have.

    Args:
        chance: (O,) of each combination; together 1.
        posterior: (O, M) how likely each member is right, given that combination.
    """

    chance: Tensor
    posterior: Tensor

    @classmethod
    def none(cls, members: Tensor) -> "Outcomes":
        """Give the one combination of no labels: every member is as likely."""
        m = len(members)
        return cls(members.new_ones(1), members.new_full((1, m), 1 / m))

    def entropies(self, members: Tensor) -> Tensor:
        """Give the mean entropy (B,) of the labels of items, given those of the chosen ones.

        Args:
            members: (M, B, K) probabilities.
        """
        predicted = self.posterior @ members.flatten(1)  # (O, B * K)
        return (self.chance @ torch.special.entr(predicted)).view(members.shape[1:]).sum(1)

    def prolonged(self, probabilities: Tensor, most: int, generator: torch.Generator) -> "Outcomes":
        """Add an item's label to every combination; draw among them where there are too many.

        Args:
            probabilities: (M, K) of the item's classes.
            most: combinations that are kept.
            generator: of the draw.
        """
        chance = (self.chance[:, None] * (self.posterior @ probabilities)).flatten()
        kept = (chance > NEVER).nonzero()[:, 0]
        chance = chance[kept]
        if len(kept) > most:
            # evenly spaced over the cumulated chances: none is drawn much more often than due
            start = torch.rand((), generator=generator, dtype=torch.float64).to(chance.device)
            steps = (torch.arange(most, device=chance.device) + start) / most
            drawn = torch.searchsorted(chance.cumsum(0), steps * chance.sum())
            kept = kept[drawn.clamp_max(len(kept) - 1)]
            chance = torch.full_like(steps, 1 / most)
        classes = probabilities.shape[1]
        joint = self.posterior[kept // classes] * probabilities.T[kept % classes]
        return Outcomes(chance, joint / joint.sum(1, keepdim=True))


def _best(members: Tensor, own: Tensor, outcomes: Outcomes, bound: Tensor) -> int:
    """Find the item of the highest gain; `bound` (U,), which no gain exceeds, is tightened."""
    order = highest(bound, len(bound))
    block = max(1, CELLS // (len(outcomes.chance) * members.shape[2]))
    best, most = -1, -torch.inf
    for items in order.split(block):  # until no other bound reaches the best gain
        if bound[items[0]] <= most and best >= 0:
            break
        gain = outcomes.entropies(members[:, items]) - own[items]
        gain = gain.where(bound[items] > -torch.inf, -torch.inf)  # chosen before
        bound[items] = torch.minimum(bound[items], gain)
        if gain.max() > most:
            most, best = float(gain.max()), int(items[gain.argmax()])
    return best
