from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.query import Pool, Query, highest
from roadworthy.queries.uncertainty import entropy, information


@dataclass(frozen=True)
class QueryByCommittee(Query):
    """Picks the items about which a committee of models is most divided.

    `vote-entropy` counts each member's choice; with few members many items tie, and chance
    decides. `consensus-kl` is the mean divergence of the members from their mean, which equals the
    score of `bald`.

    Source: Seung, Opper and Sompolinsky 1992, doi:10.1145/130385.130417; vote entropy, Engelson
    and Dagan 1996, arXiv:cmp-lg/9606030; divergence from the mean, McCallum and Nigam 1998.

    Args:
        disagreement: `vote-entropy` or `consensus-kl`.
    """

    disagreement: Literal["vote-entropy", "consensus-kl"] = "vote-entropy"

    card = Card(
        "query-by-committee",
        "Query by committee",
        aliases=("qbc", "vote-entropy", "committee"),
        paper="doi:10.1145/130385.130417",
    )
    needs = frozenset({"members"})

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        members = pool.member_probabilities
        if self.disagreement == "consensus-kl":
            return highest(information(members), n)
        if self.disagreement != "vote-entropy":
            raise InputError(
                f"a committee disagrees by vote-entropy or consensus-kl, not {self.disagreement!r}"
            )
        votes = torch.nn.functional.one_hot(members.argmax(-1), pool.classes)  # (M, U, K)
        # sorted, so that sums of the same shares round alike and ties stay ties
        shares = votes.double().mean(0).sort(-1).values
        return highest(entropy(shares), n)
