from dataclasses import dataclass
from pathlib import Path

from roadworthy.core.errors import InputError
from roadworthy.core.finding import Picture
from roadworthy.core.row_files import read_rows, write_rows

COLUMNS = ("row", "label", "guess")


@dataclass(frozen=True)
class Item:
    """A row that a person is asked to label, and what they see of it.

    Args:
        row: its number in the source.
        guess: what the model takes it for; empty without a model.
        picture: of an image.
        values: name and value of each column of a table.
        text: of a text.
    """

    row: int
    guess: str = ""
    picture: Picture | None = None
    values: tuple[tuple[str, str], ...] = ()
    text: str = ""


class Sheet:
    """The file of labels: one line per row that was asked for, saved whole after each answer.

    Args:
        file: a CSV of row, label and guess; it need not exist.

    Raises:
        InputError: it exists and is no such file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: dict[int, tuple[str, str]] = {}
        if file.exists():
            wrong = f"{file} cannot be gone on with, it must hold row and label"
            self._lines.update(read_rows(file, (), _answer, wrong))

    @property
    def labels(self) -> dict[int, str]:
        """The label of each row that has one."""
        return {row: label for row, (label, _) in self._lines.items() if label}

    def ask(self, items: list[Item]) -> None:
        """Add rows to be labelled, and save; those that were asked for before stay as they are."""
        for item in items:
            self._lines.setdefault(item.row, ("", item.guess))
        self.save()

    def answer(self, row: int, label: str) -> None:
        """Take a label, and save; the empty one takes it back.

        Raises:
            InputError: nobody asked for this row.
        """
        if row not in self._lines:
            raise InputError(f"row {row} was not asked for")
        self._lines[row] = label, self._lines[row][1]
        self.save()

    def save(self) -> None:
        """Write the file, whole or not at all."""
        lines = ((row, *said) for row, said in self._lines.items())
        write_rows(self.file, COLUMNS, lines)


def _answer(line: dict[str, str]) -> tuple[int, tuple[str, str]]:
    return int(line["row"]), ((line["label"] or "").strip(), line.get("guess") or "")
