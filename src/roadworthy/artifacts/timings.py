import platform
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.progress import Progress

SIZES = (1, 4, 16, 64, 256)
SECONDS = 5.0  # then a size has been timed enough, unless it has fewer than FEWEST calls
FEWEST = 10


@dataclass(frozen=True, eq=False)
class TimingsValue:
    """How long calls took, and where.

    Args:
        sizes: inputs per call, from 1.
        seconds: of each call, by size.
        machine: processor, threads and operating system.
    """

    sizes: tuple[int, ...]
    seconds: tuple[tuple[float, ...], ...]
    machine: str


@dataclass(frozen=True)
class Timings(Artifact[TimingsValue]):
    """The time from inputs in memory to outputs in memory, for one input and for batches.

    The first calls of each size are not counted: they load code, choose kernels and fill caches.

    Args:
        calls: how many calls are timed of one input; a quarter as many of each batch.
    """

    calls: int = 200

    card = Card("timings", "Timings")
    value = TimingsValue

    def cost(self, subject: Subject) -> float:
        return sum(size * self._calls(size) for size in self._sizes(subject))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> TimingsValue:
        sizes, seconds = self._sizes(subject), []
        for number, size in enumerate(sizes):
            seconds.append(_time(subject, size, self._calls(size)))
            progress.advance((number + 1) / len(sizes))
        return TimingsValue(sizes, tuple(seconds), _machine(subject))

    def _sizes(self, subject: Subject) -> tuple[int, ...]:
        return tuple(size for size in SIZES if size <= len(subject.dataset.test))

    def _calls(self, size: int) -> int:
        return self.calls if size == 1 else self.calls // 4


def _time(subject: Subject, size: int, calls: int, warm_up: int = 3) -> tuple[float, ...]:
    x, seconds, begun = subject.dataset.test.x, [], time.perf_counter()
    for call in range(warm_up + calls):
        first = call * size % (len(x) - size + 1)
        before = time.perf_counter()
        _answer(subject, x[first : first + size])
        seconds.append(time.perf_counter() - before)
        if len(seconds) >= warm_up + FEWEST and time.perf_counter() - begun > SECONDS:
            break
    return tuple(seconds[warm_up:])


def _answer(subject: Subject, x: Tensor) -> Tensor:
    with torch.no_grad():
        outputs = subject.model(x.to(subject.device))
    return outputs.cpu()  # waits for an accelerator


def _machine(subject: Subject) -> str:
    if subject.device == "cuda":
        return torch.cuda.get_device_name()
    processor = platform.processor() or platform.machine()
    return f"{processor}, {torch.get_num_threads()} threads of torch, {platform.system()}"
