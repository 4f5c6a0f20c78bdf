from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.sources.assembly import assemble
from roadworthy.sources.builtin_datasets import DATASETS
from roadworthy.sources.data_options import DataOptions, read_task
from roadworthy.sources.image_folder import read_image_folder, read_unlabelled_images
from roadworthy.sources.npz_files import read_npz
from roadworthy.sources.rows import Rows, add_apart, join
from roadworthy.sources.splits import PRODUCTION, UNLABELLED
from roadworthy.sources.tables import read_table

TABLES = (".csv", ".csv.gz", ".parquet")


def load_dataset(
    source: str | Path,
    *,
    target: str | None = None,
    split: str | None = None,
    group: str | None = None,
    environment: str | None = None,
    time: str | None = None,
    ordinal: bool | tuple[str, ...] = False,
    sensitive: tuple[str, ...] = (),
    face: tuple[str, ...] = (),
    text: str | None = None,
    metadata: str | Path | None = None,
    test: str | Path | None = None,
    production: str | Path | None = None,
    unlabelled: str | Path | None = None,
    without: str | Path | None = None,
    answers: str | Path | None = None,
    corrections: str | Path | None = None,
    label_offset: int = 0,
    task: str | None = None,
    classes: tuple[str, ...] = (),
    seed: int = 0,
) -> Dataset:
    """Load a dataset by built-in name, from a .npz, .csv, .csv.gz or .parquet file, or a folder.

    Args:
        source: a name (`roadworthy list datasets`), a file, or a folder with one folder of images
            per class.
        target: the column to predict, or the array of a .npz file.
        split: the column that names each row's split; or `random`, `by-group`, `by-time`.
        group: the column whose rows belong together, such as a patient.
        environment: the column with the source of a row, such as a hospital.
        time: the column with the time of a row.
        ordinal: the classes are ordered; a tuple names them from lowest to highest.
        sensitive: columns whose groups must be treated alike.
        face: columns with left, top, right and bottom of the face in an image, in pixels.
        text: the column of a table whose texts are the inputs.
        metadata: a CSV file whose row k describes input k of a .npz file.
        test: a second source of the same kind: the test split.
        production: rows from where the model is used; they may lack labels, and a folder of images
            need not be sorted into classes.
        unlabelled: rows without a target, for trainings that learn from such rows too.
        without: a CSV file of split,row to leave out.
        answers: a CSV file of row,label with targets of rows that have none; they are trained on.
        corrections: a CSV file of row,label with targets that replace those of training rows.
        label_offset: the number of the first class; other than 0, gaps between labels are kept.
        task: `nominal`, `ordinal` or `regression`; None looks at the target.
        classes: the class names in the order of the model's outputs.
        seed: of the random split.

    Raises:
        InputError: the data cannot be used; the message says what, where and what to do.
    """
    options = DataOptions(
        target=target,
        split=split,
        group=group,
        environment=environment,
        time=time,
        sensitive=tuple(sensitive),
        face=tuple(face),
        text=text,
        task=read_task(task, bool(ordinal)),
        classes=tuple(classes) or (ordinal if isinstance(ordinal, tuple) else ()),
        label_offset=label_offset,
        metadata=None if metadata is None else Path(metadata),
        without=None if without is None else Path(without),
        answers=None if answers is None else Path(answers),
        corrections=None if corrections is None else Path(corrections),
        seed=seed,
    )
    rows = _read(source, options)
    if test is not None:
        rows = join(rows, _read(test, options))
    for name, others in ((PRODUCTION, production), (UNLABELLED, unlabelled)):
        if others is not None:
            rows = add_apart(rows, _read_apart(others, options, rows), name)
    return assemble(rows, options)


def _read(source: str | Path, options: DataOptions) -> Rows:
    is_table = str(source).lower().endswith(TABLES)
    if options.text is not None and not is_table:
        raise InputError("--text names a column of a table: a .csv, .csv.gz or .parquet file")
    if isinstance(source, str) and source in DATASETS:
        return DATASETS.get(source)().rows(options)
    return _reading(Path(source), lambda path: _read_path(path, options))


def _read_apart(source: str | Path, options: DataOptions, rows: Rows) -> Rows:
    """Read rows that need not have the target nor the columns that play a role."""
    lacking = (rows.target.name, *options.columns)
    options = replace(options, target=rows.target.name, metadata=None)

    def read(path: Path) -> Rows:
        if path.is_dir():
            return read_unlabelled_images(path, options)
        if path.name.lower().endswith(".npz"):
            return read_npz(path, replace(options, target=None), is_labelled=False)
        if path.name.lower().endswith(TABLES):
            return read_table(path, options, lacking)
        return _read_path(path, options)

    return replace(_reading(Path(source), read), given=None)


def _reading(path: Path, read: Callable[[Path], Rows]) -> Rows:
    try:
        return read(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {error.filename}") from None
    except OSError as error:
        raise InputError(f"cannot read {error.filename or path}: {error.strerror}") from None


def _read_path(path: Path, options: DataOptions) -> Rows:
    if path.is_dir():
        return read_image_folder(path, options)
    if not path.exists() and not path.suffix and len(path.parts) == 1:
        DATASETS.get(str(path))
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder")
    name = path.name.lower()
    if name.endswith(".npz"):
        return read_npz(path, options)
    if name.endswith(TABLES):
        return read_table(path, options)
    raise InputError(
        f"{path}: data are read from .npz, .csv, .csv.gz and .parquet files, from folders of "
        f"images, and by name: {', '.join(DATASETS.names())}"
    )
