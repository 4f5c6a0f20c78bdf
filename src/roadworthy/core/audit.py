from dataclasses import astuple, dataclass, field, fields
from enum import StrEnum
from pathlib import Path

from roadworthy.core.row_files import read_rows, write_rows


class Issue(StrEnum):
    """What an audit says of a training row."""

    LABEL = "label"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    OUTLIER = "outlier"
    HARD = "hard"
    AMBIGUOUS = "ambiguous"
    EASY = "easy"
    VALUE = "value"


@dataclass(frozen=True)
class Line:
    """One thing that is said of one training row.

    Args:
        split: of the row: `train`.
        row: its number in the source.
        issue: what is said.
        score: of a label the probability that it is right; of a duplicate how alike the rows are,
            1 for equal ones; of an outlier its p-value; of a region of the map the mean probability
            of the given label; of a value the value.
        proposed: the label that is probably right, of suspected labels.
        other: split and number of the row that it repeats, such as `test:12`.
    """

    split: str
    row: int
    issue: Issue
    score: float
    proposed: str = ""
    other: str = ""


COLUMNS = tuple(part.name for part in fields(Line))


@dataclass(frozen=True)
class Audit:
    """What is known of training rows, one by one; no contents of rows.

    Args:
        lines: what is said, by issue; of an issue the clearest first.
        not_assessed: why nothing can be said of an issue, by what was to be found.
    """

    lines: tuple[Line, ...]
    not_assessed: dict[str, str] = field(default_factory=dict)

    def of(self, *issues: Issue) -> tuple[Line, ...]:
        """Give the lines of some issues."""
        return tuple(line for line in self.lines if line.issue in issues)

    def save(self, file: Path) -> None:
        """Write the lines as CSV, whole or not at all."""
        write_rows(file, COLUMNS, map(astuple, self.lines))


def read_audit(file: Path) -> Audit:
    """Read what `Audit.save` wrote; lines that a person deleted are no longer proposed.

    Raises:
        InputError: the file cannot be read, or is no such file.
    """
    wrong = f"{file} is no audit, each line must be {', '.join(COLUMNS[:-1])} and {COLUMNS[-1]}"
    return Audit(tuple(read_rows(file, COLUMNS, _line, wrong)))


def _line(said: dict[str, str]) -> Line:
    number = float(said["score"])
    return Line(
        said["split"],
        int(said["row"]),
        Issue(said["issue"]),
        number,
        said["proposed"] or "",
        said["other"] or "",
    )
