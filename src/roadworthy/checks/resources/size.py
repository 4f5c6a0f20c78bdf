from dataclasses import dataclass
from typing import Any

from roadworthy.artifacts.footprint import Footprint
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count
from roadworthy.core.finding import Finding, Remedy
from roadworthy.core.model import Offer

MEBI = 2**20


@dataclass(frozen=True)
class Size(Check):
    """Does the model fit where it is to run?

    What it does: counts parameters and the bytes of the weights, which are judged, and, for a model
    that torch computes, the most bytes of intermediate tensors during a pass of one input.
    Kernels' own memory and reserves of the allocator are not seen, so the latter is a lower bound.
    Why it matters: a model that does not fit a phone, a microcontroller or a browser's download is
    not deployed.
    When it does not apply: to a model whose weights cannot be counted.
    How to fix: a smaller architecture, pruning, quantization.
    References: none; these are counts.

    Args:
        max_mebibytes: largest size of the weights, in MiB.
    """

    max_mebibytes: float = limit(
        100.0, "below", "no standard gives one: set what the device it is meant for holds"
    )

    card = Card("size", "Size")
    code = "RW-RES-002"
    area = "resources"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.model.spec.size is None:
            raise NotAssessed(f"the weights of {subject.model.spec.name} cannot be counted")
        return (Footprint(),) if Offer.GRADIENTS in subject.model.spec.offers else ()

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        spec, measures = subject.model.spec, []
        assert spec.size is not None, "needs() asked for it"
        size = count("weights", spec.size / MEBI, 1, "MiB")
        claim = f"The weights take {_in_words(size.value)}"
        if spec.parameters is not None:
            measures.append(count("parameters", spec.parameters, 1))
            claim += f" for {spec.parameters:,} parameters"
        for request in self.needs(subject):
            peak = get(request).peak / MEBI
            measures.append(count("tensors during a pass of one input", peak, 1, "MiB"))
            claim += f", and a pass of one input holds up to {_in_words(peak)} of further tensors"
        return (
            self.finding(
                f"{claim}.",
                estimate=size,
                threshold=self.threshold("max_mebibytes"),
                measures=tuple(measures),
                remedies=(Remedy("Use a smaller architecture, prune, or quantize the weights."),),
            ),
        )


def _in_words(mebibytes: float) -> str:
    return f"{mebibytes:.3g} MiB" if mebibytes >= 1 else f"{1024 * mebibytes:.3g} KiB"
