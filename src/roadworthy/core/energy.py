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
        seconds: of the processor, all threads together.
        joules: of the processors, with all else that ran on them; None where nothing counts them.
    """

    seconds: float = 0.0
    joules: float | None = None

    def __add__(self, other: "Work") -> "Work":
        unknown = self.joules is None or other.joules is None
        joules = None if unknown else (self.joules or 0.0) + (other.joules or 0.0)
        return Work(self.seconds + other.seconds, joules)


@contextmanager
def metered() -> Iterator[Work]:
    """Measure the work of a block."""
    work, began, before = Work(), time.process_time(), _joules()
    try:
        yield work
    finally:
        work.seconds = time.process_time() - began
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
