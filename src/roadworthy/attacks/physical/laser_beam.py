from dataclasses import dataclass

from roadworthy.attacks.greedy_search import GreedySearch
from roadworthy.core.card import Card
from roadworthy.core.model import Offer


@dataclass(frozen=True)
class LaserBeamSearch(GreedySearch):
    """Laser beam: searches color, place, width and strength of a beam that misleads the model.

    Each search starts from a random beam of full strength, changes some of its properties, and
    keeps a beam that brings the model closer to an error.

    Threat model: black box with scores, laser-beam, fixed budget; targeted or not.
    Cost: `steps` times `restarts` queries per sample, and one per step to check the best beam; a
    sample that succeeds stops.
    Source: Duan et al. 2021, arXiv:2103.06504 (greedy search, k random restarts).
    Differs from the paper: the restarts run side by side; beams start at full strength, and about
    half of their properties move at a time, which finds more errors at equal queries; what shrinks
    is the model's margin, not its confidence.

    Args:
        steps: beams that each search tries.
        restarts: searches per sample.
        reach: longest move, as a share of a property's range.
    """

    card = Card("laser-beam", "Laser beam", aliases=("AdvLB",), paper="arxiv:2103.06504")
    threats = frozenset({"laser-beam"})
    needs = frozenset({Offer.SCORES})
    takes_images_only = True
