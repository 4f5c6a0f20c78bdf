import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.model import Offer, require
from roadworthy.core.progress import Progress


@dataclass(frozen=True)
class FootprintValue:
    """What one answer takes.

    Args:
        peak: most bytes of intermediate and output tensors that existed at one time.
    """

    peak: int


@dataclass(frozen=True)
class Footprint(Artifact[FootprintValue]):
    """The memory of tensors that a forward pass of one input makes, weights and input left out.

    Every tensor that an operation of torch returns is counted from its birth to its release. Not
    seen: what a kernel allocates for itself, what the allocator keeps in reserve, and everything
    outside of torch; so it is a lower bound of what the process needs.
    """

    card = Card("footprint", "Memory of a pass")
    value = FootprintValue

    def cost(self, subject: Subject) -> float:
        return 2

    def compute(self, subject: Subject, get: Get, progress: Progress) -> FootprintValue:
        require(subject.model, Offer.GRADIENTS)  # then torch computes it
        x = subject.dataset.test.x[:1].to(subject.device)
        with torch.no_grad():
            subject.model(x)  # what is made once and kept does not count
            with LiveTensors() as live:
                subject.model(x)
        return FootprintValue(live.peak)


class LiveTensors(TorchDispatchMode):
    """Counts the bytes of tensors that operations return while they live."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._bytes: dict[int, int] = {}

    def __torch_dispatch__(
        self,
        operation: Any,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        outputs = operation(*args, **(kwargs or {}))
        # a view, or a result written in place, shares the storage of an argument
        old = {id(tensor.untyped_storage()) for tensor in _tensors((args, kwargs))}
        for tensor in _tensors(outputs):
            storage = tensor.untyped_storage()
            if id(storage) not in old and id(storage) not in self._bytes:
                self._bytes[id(storage)] = storage.nbytes()
                weakref.finalize(storage, self._bytes.pop, id(storage))
        self.peak = max(self.peak, sum(self._bytes.values()))
        return outputs


def _tensors(tree: Any) -> list[Tensor]:
    leaves = torch.utils._pytree.tree_leaves(tree)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]
