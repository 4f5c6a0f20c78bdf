from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bar:
    """Draws progress and the time left on the terminal's error stream.

    Args:
        is_shown: False draws nothing.
    """

    def __init__(self, is_shown: bool = True) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("elapsed, about"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            transient=True,
            disable=not (is_shown and console.is_terminal),
        )
        self._task = self._progress.add_task("loading", total=None)
        self._done = 0.0
        self._piece = 0.0

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def plan(self, seconds: float) -> None:
        self._progress.update(self._task, total=max(seconds, 1e-3))

    def begin(self, label: str, seconds: float) -> None:
        self._piece = seconds
        self._progress.update(self._task, description=label.lower())

    def advance(self, share: float) -> None:
        self._progress.update(self._task, completed=self._done + min(share, 1.0) * self._piece)

    def end(self) -> None:
        self._done += self._piece
        self._piece = 0.0
        self._progress.update(self._task, completed=self._done, description="judging")
