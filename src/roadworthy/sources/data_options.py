from dataclasses import dataclass
from pathlib import Path

from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import InputError

METHODS = ("random", "by-group", "by-time")


@dataclass(frozen=True)
class DataOptions:
    """What the user says of a dataset that its file does not.

    Args:
        target: the column to predict.
        split: one of `METHODS`, or the column that names each row's split; None takes the source's
            own split, or a random one where it has none.
        group: the column whose rows belong together.
        environment: the column with the source of a row.
        time: the column with the time of a row.
        sensitive: columns whose groups must be treated alike.
        face: columns with left, top, right and bottom of the face in an image, in pixels.
        text: the column of texts that is the input; the others are none.
        task: what the targets are; None looks at them.
        classes: the class names in the order of the model's outputs.
        label_offset: the number of the first class; other than 0, gaps between labels are kept.
        metadata: a CSV file whose row k describes input k.
        without: a CSV file of split,row to leave out.
        answers: a CSV file of row,label with targets of rows that have none.
        corrections: a CSV file of row,label with targets that replace those of training rows.
        seed: of the random split.
    """

    target: str | None = None
    split: str | None = None
    group: str | None = None
    environment: str | None = None
    time: str | None = None
    sensitive: tuple[str, ...] = ()
    face: tuple[str, ...] = ()
    text: str | None = None
    task: Task | None = None
    classes: tuple[str, ...] = ()
    label_offset: int = 0
    metadata: Path | None = None
    without: Path | None = None
    answers: Path | None = None
    corrections: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.face) not in (0, 4):
            raise InputError(
                "--face takes four columns separated by commas: left, top, right and bottom of "
                f"the face; got {len(self.face)}"
            )

    @property
    def roles(self) -> Roles:
        """The columns that say who belongs together, where and when rows come from."""
        return Roles(self.group, self.environment, self.time, self.sensitive, self.face)

    @property
    def split_column(self) -> str | None:
        """The column that names each row's split, if it was given."""
        return None if self.split in METHODS else self.split

    @property
    def columns(self) -> dict[str, str]:
        """Every column that plays a role, by name, with the option that named it."""
        named = [
            (self.group, "--group"),
            (self.environment, "--environment"),
            (self.time, "--time"),
            (self.split_column, "--split"),
            *((name, "--sensitive") for name in self.sensitive),
            *((name, "--face") for name in self.face),
        ]
        return {name: option for name, option in named if name is not None}

    @property
    def set_apart(self) -> set[str]:
        """The columns that are no features: all that play a role but the sensitive ones."""
        apart = (self.target, self.group, self.environment, self.time, self.split_column)
        return {name for name in (*apart, *self.face) if name is not None}


def read_task(task: str | None, is_ordinal: bool) -> Task | None:
    """Read the name of a task; None where nothing was said.

    Raises:
        InputError: there is no such task, or it contradicts ordered classes.
    """
    if task is None:
        return Task.ORDINAL if is_ordinal else None
    if task not in list(Task):
        raise InputError(f"the task must be one of {', '.join(Task)}, not {task!r}")
    if is_ordinal and task != Task.ORDINAL:
        raise InputError(f"the classes cannot be ordered and the task {task}: leave out one")
    return Task(task)
