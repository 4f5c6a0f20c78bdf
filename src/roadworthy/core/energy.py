import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COUNTERS = Path("/sys/class/powercap")  # where Linux shows the processors' energy counters


@dataclass
class Work:
    """What a piece of work took.

    Args:
        seconds: of the processor, all threads together; on a GPU, those that passed.
        joules: of the processors, with all else that ran on them; None where nothing counts them,
            and on a GPU.
    """

    seconds: float = 0.0
    joules: float | None = None

    def __add__(self, other: "Work") -> "Work":
        unknown = self.joules is None or other.joules is None
        joules = None if unknown else (self.joules or 0.0) + (other.joules or 0.0)
        return Work(self.seconds + other.seconds, joules)


@contextmanager
def metered(device: str = "cpu") -> Iterator[Work]:
    """Measure the work of a block that computes on a device, `cpu` or another."""
    on_cpu = device == "cpu"
    clock = time.process_time if on_cpu else time.perf_counter
    work, began, before = Work(), clock(), _joules() if on_cpu else None
    try:
        yield work
    finally:
        work.seconds = clock() - began
        after = _joules()
        if before is not None and after is not None and after >= before:  # else a counter wrapped
            work.joules = after - before


def _joules() -> float | None:
    """Read the counters of whole processors; None where there are none, or they are closed."""
    try:
        files = sorted(COUNTERS.glob("intel-rapl:?/energy_uj"))
        return sum(int(file.read_text()) for file in files) / 1e6 if files else None
    except (OSError, ValueError):
        return None
