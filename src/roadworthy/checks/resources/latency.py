from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.timings import Timings, TimingsValue
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS
from roadworthy.core.estimates import Measure, quantile
from roadworthy.core.finding import Figure, Finding, Remedy, Series


@dataclass(frozen=True)
class Latency(Check):
    """Does an answer come in time?

    What it does: times calls of one input and of batches, from inputs in memory to outputs in
    memory, after a warm-up. Judged is the 95th percentile of one input: the time that one call in
    twenty exceeds. The intervals are those of order statistics; they take calls as independent
    and hold for the machine that is named, as loaded as it was. A later inspection of the same
    model shows the same times where it finds them stored.
    Why it matters: an answer that comes too late is not used, and a tail of slow calls is what
    users notice.
    When it does not apply: never. Network, decoding and queues are not part of it.
    How to fix: a smaller model, fewer digits (quantization), an accelerator, batches.
    References: Miller 1968, doi:10.1145/1476589.1476628 (0.1 s); Dean, Barroso 2013,
    doi:10.1145/2408776.2408794 (tails).

    Args:
        max_seconds: longest 95th percentile for one input.
    """

    max_seconds: float = limit(
        0.1, "below", "an answer within it feels immediate (Miller 1968): set what your use needs"
    )

    card = Card("latency", "Latency", paper="doi:10.1145/1476589.1476628")
    code = "RW-RES-001"
    area = "resources"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return (Timings(),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        timings = get(Timings())
        single = np.array(timings.seconds[0])
        tail = quantile("95th percentile of one input", single, 0.95, "s")
        median = quantile("median of one input", single, 0.5, "s")
        rates = [_throughput(*part) for part in zip(timings.sizes, timings.seconds, strict=True)]
        best = int(np.argmax([rate.value for rate in rates]))
        claim = (
            f"One input takes {_milliseconds(median.value)} in the median and "
            f"{_milliseconds(tail.value)} at the 95th percentile of {tail.n} calls on "
            f"{timings.machine}; at best {rates[best].value:,.0f} inputs a second, in calls "
            f"of {timings.sizes[best]}."
        )
        return (
            self.finding(
                claim,
                estimate=tail,
                threshold=self.threshold("max_seconds"),
                measures=(median, *rates),
                figures=(_figure(timings, rates),),
                remedies=(
                    Remedy("Use a smaller or quantized model, an accelerator, or answer batches."),
                ),
            ),
        )


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"


def _throughput(size: int, seconds: tuple[float, ...]) -> Measure:
    """Give inputs per second at a batch size, from the median call."""
    return quantile(f"inputs per second in batches of {size}", size / np.array(seconds), 0.5, "1/s")


def _figure(timings: TimingsValue, rates: list[Measure]) -> Figure:
    return Figure(
        kind="line",
        title="Throughput",
        text=f"Inputs per second by batch size on {timings.machine}, with 95 % intervals.",
        x_label="inputs per call",
        y_label="inputs per second",
        x_scale="log",
        series=(Series.of("throughput", timings.sizes, rates),),
    )
