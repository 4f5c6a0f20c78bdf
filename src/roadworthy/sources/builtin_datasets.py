from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import polars as pl

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.registry import Registry
from roadworthy.sources.assembly import assemble
from roadworthy.sources.data_options import DataOptions
from roadworthy.sources.rows import Rows, role_columns
from roadworthy.sources.splits import divide_at_random
from roadworthy.sources.tables import rows_of_frame

SPLIT_SEED = 0  # one split for all: a model fitted earlier must not meet its own rows in a test


@dataclass(frozen=True)
class BuiltInDataset(ABC):
    """Real data that comes along, found by name.

    The split is fixed: 70 % train and 30 % test, stratified by class.
    """

    card: ClassVar[Card]

    @abstractmethod
    def read(self, options: DataOptions) -> Rows:
        """Give all rows, unsplit."""

    @final
    def rows(self, options: DataOptions) -> Rows:
        """Give all rows with their fixed split.

        Raises:
            InputError: an option names what the dataset does not have.
        """
        for value, option in ((options.target, "--target"), (options.metadata, "--metadata")):
            if value is not None:
                raise InputError(f"{option} does not apply to the built-in {self.card.name}")
        rows = self.read(options)
        is_classified = bool(rows.classes)
        strata = rows.target.to_numpy() if is_classified else np.zeros(len(rows), dtype=int)
        given = np.full(len(rows), "train", dtype="<U5")
        given[divide_at_random(strata, SPLIT_SEED).parts["test"]] = "test"
        origin = "The split is fixed: 70 % train and 30 % test, drawn at random"
        origin += ", stratified by class." if is_classified else "."
        return replace(rows, given=given, origin=origin)

    @final
    def load(self) -> Dataset:
        """Give the dataset with its fixed split."""
        return assemble(self.rows(DataOptions()), DataOptions())


@dataclass(frozen=True)
class Digits(BuiltInDataset):
    """1,797 images of handwritten digits, 8 x 8 pixels, in 10 classes.

    The test part of the UCI set "Optical recognition of handwritten digits": 13 writers, counts of
    dark pixels in blocks of 4 x 4. Which writer wrote what is not recorded, so that the splits
    share writers.

    Source: Alpaydin, Kaynak 1998, doi:10.24432/C50P49; comes with scikit-learn.
    """

    card = Card("digits", "Handwritten digits", paper="doi:10.24432/C50P49")

    def read(self, options: DataOptions) -> Rows:
        pixels, digit = _read_digits()
        return Rows(
            name="digits",
            x=(pixels / 16).astype(np.float32),
            target=pl.Series("digit", digit),
            columns=role_columns({}, options, "digits"),
            ids=np.arange(len(digit)),
            classes=tuple(map(str, range(10))),
        )


@dataclass(frozen=True)
class BreastCancer(BuiltInDataset):
    """569 breast masses, 30 measures of cell nuclei, malignant or benign.

    Wisconsin diagnostic breast cancer: mean, error and worst value of ten measures of the nuclei in
    a digitized image of a fine needle aspirate.

    Source: Wolberg, Mangasarian, Street, Street 1993, doi:10.24432/C5DW2B; comes with scikit-learn.
    """

    card = Card("breast-cancer", "Breast cancer Wisconsin", paper="doi:10.24432/C5DW2B")

    def read(self, options: DataOptions) -> Rows:
        from sklearn.datasets import load_breast_cancer  # slow to import

        return _read_table(self.card.name, load_breast_cancer(), options)


@dataclass(frozen=True)
class Wine(BuiltInDataset):
    """178 wines, 13 chemical measures, three cultivars.

    Wines grown in one region of Italy from three cultivars.

    Source: Aeberhard, Forina 1991, doi:10.24432/C5PC7J; comes with scikit-learn.
    """

    card = Card("wine", "Wine cultivars", paper="doi:10.24432/C5PC7J")

    def read(self, options: DataOptions) -> Rows:
        from sklearn.datasets import load_wine  # slow to import

        return _read_table(self.card.name, load_wine(), options)


@dataclass(frozen=True)
class Diabetes(BuiltInDataset):
    """442 patients, ten measures, progression of diabetes after a year (regression).

    Age, sex, body mass index, blood pressure and six blood serum measures, in their own units.

    Source: Efron, Hastie, Johnstone, Tibshirani 2004, doi:10.1214/009053604000000067; comes with
    scikit-learn.
    """

    card = Card("diabetes", "Diabetes progression", paper="doi:10.1214/009053604000000067")

    def read(self, options: DataOptions) -> Rows:
        from sklearn.datasets import load_diabetes  # slow to import

        return _read_table(self.card.name, load_diabetes(scaled=False), options)


def _read_digits() -> tuple[np.ndarray, np.ndarray]:
    """Read images (N, 8, 8) of values 0 to 16 and digits (N,) from scikit-learn's own file.

    Importing scikit-learn for it would take half of the time of an inspection that finds all its
    artifacts at hand.
    """
    package = find_spec("sklearn")
    assert package is not None, "scikit-learn is a dependency"
    assert package.origin is not None
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1]


def _read_table(name: str, data: Any, options: DataOptions) -> Rows:
    frame = pl.DataFrame(data.data, schema=list(data.feature_names)).with_columns(
        pl.Series("target", data.target)
    )
    rows = rows_of_frame(frame, name, name, replace(options, target="target"))
    return replace(rows, classes=tuple(map(str, data.get("target_names", ()))))


DATASETS: Registry[type[BuiltInDataset]] = Registry(
    "datasets",
    Digits,
    BreastCancer,
    Wine,
    Diabetes,
)
