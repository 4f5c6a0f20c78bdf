from dataclasses import dataclass

from roadworthy.attacks.greedy_search import GreedySearch
from roadworthy.core.card import Card
from roadworthy.core.model import Offer


@dataclass(frozen=True)
class PhantomSearch(GreedySearch):
    """Phantom of the ADAS: searches place, radius and strength of an object that is not there.

    On images, a success is a frame that the model gets wrong while the phantom is lit. On clips,
    with the model inside a `Clip`, it is a phantom whose few frames make a tracker change its mind.

    Threat model: black box with scores, phantom, fixed budget; targeted or not.
    Cost: `steps` times `restarts` queries per sample, and one per step to check the best phantom;
    a sample that succeeds stops. A query about a clip is one about all of its frames.
    Source: Nassi et al. 2020, doi:10.1145/3372297.3423359.
    Differs from the paper: the authors show split-second phantoms to real cars, at places that they
    choose; here the place is searched in a simulation.

    Args:
        steps: phantoms that each search tries.
        restarts: searches per sample.
        reach: longest move, as a share of a property's range.
    """

    card = Card(
        "phantom",
        "Phantom of the ADAS",
        aliases=("phantom of the ADAS",),
        paper="doi:10.1145/3372297.3423359",
    )
    threats = frozenset({"phantom"})
    needs = frozenset({Offer.SCORES})
