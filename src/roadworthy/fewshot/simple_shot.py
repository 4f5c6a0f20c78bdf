from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.errors import InputError
from roadworthy.fewshot.base_trained import BaseTrained
from roadworthy.fewshot.embedding import embed_flat
from roadworthy.fewshot.learner import Adapter, class_means, seen_in
from roadworthy.fewshot.proto_net import squared_distances

TRANSFORMS = ("CL2N", "L2N", "UN")
ROWS = 256  # embedded at a time


@dataclass(frozen=True)
class SimpleShot(BaseTrained):
    """SimpleShot: an ordinary classifier's features, centered, and the nearest mean.

    The base classes are learned as usual. For a task nothing is trained: features are centered by
    the mean over the base, brought to length 1, and a query goes to the nearest class mean.
    `SimpleShot().of(network, base)` takes features of any other network, such as a large one that
    was trained elsewhere; with those this is hard to beat.

    Source: Wang et al. 2019, arXiv:1911.04623, section 3.

    Args:
        transform: `CL2N` centers and normalizes, `L2N` only normalizes, `UN` leaves features alone.
        width: channels of the embedding.
        steps: of training on the base classes.
        batch: images of one step.
        rate: learning rate at the start; it falls to 0 along a cosine.
        turns: also learn each class turned by 90, 180 and 270 degrees, as classes of their own.
    """

    transform: Literal["CL2N", "L2N", "UN"] = "CL2N"

    card = Card("simple-shot", "Nearest mean of plain features", paper="arxiv:1911.04623")

    def __post_init__(self) -> None:
        if self.transform not in TRANSFORMS:
            raise InputError(f"transform is {self.transform!r}: one of {', '.join(TRANSFORMS)}")

    def head(self, inputs: int, classes: int) -> nn.Module:
        return nn.Linear(inputs, classes)

    def adapter(self, network: nn.Module, base: Split) -> Adapter:
        with torch.no_grad():
            features = [network(x).flatten(1) for x in base.x.split(ROWS)]
        return NearestMeans(network, torch.cat(features).mean(0), self.transform, seen_in(base))

    def of(self, network: nn.Module, base: Split) -> Adapter:
        """Use the features (N, …) of a network that is trained already; it is set to evaluation."""
        return self.adapter(network.eval(), base).eval()


class NearestMeans(Adapter):
    """Answers by the nearest class mean of transformed features.

    Args:
        network: gives features.
        center: (D,) their mean over the base.
        transform: `CL2N`, `L2N` or `UN`.
        seen: numbers of the base classes.
    """

    def __init__(
        self, network: nn.Module, center: Tensor, transform: str, seen: frozenset[int]
    ) -> None:
        super().__init__(seen)
        self.network = network
        self.register_buffer("center", center)
        self.transform = transform

    def transformed(self, features: Tensor) -> Tensor:
        """Center features (…, D) and bring them to length 1, as far as the transform asks."""
        if self.transform == "UN":
            return features
        moved = features - self.center if self.transform == "CL2N" else features
        return functional.normalize(moved, dim=-1)

    def respond(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        support, query = map(self.transformed, embed_flat(self.network, support_x, query_x))
        return (-squared_distances(query, class_means(support, support_y))).log_softmax(2)
