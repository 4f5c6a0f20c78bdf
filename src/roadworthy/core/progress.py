from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Where long work says how far it is; the command line draws it."""

    def plan(self, seconds: float) -> None:
        """Announce how much work is ahead, in estimated seconds."""

    def begin(self, label: str, seconds: float) -> None:
        """Start a piece of that work."""

    def advance(self, share: float) -> None:
        """Say which share of the piece in hand, 0 to 1, is done."""

    def end(self) -> None:
        """Finish the piece in hand."""


class Silent:
    """Shows nothing: what a library call uses unless it is told otherwise."""

    def plan(self, seconds: float) -> None: ...
    def begin(self, label: str, seconds: float) -> None: ...
    def advance(self, share: float) -> None: ...
    def end(self) -> None: ...


@contextmanager
def piece(progress: Progress, label: str, seconds: float) -> Iterator[None]:
    """Show a piece of work while the block runs."""
    progress.begin(label, seconds)
    try:
        yield
    finally:
        progress.end()
