"""Flaws planted into clean data sets, each in graded strength; the first grade is no flaw."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .case import Case
from .clean import Design, with_groups, with_times

TABLE = Design("table", 900, 6)
EASY = Design("easy table", 900, 6, apart=2.5)  # labels are judged by a model that is mostly right
LARGE = Design("large table", 2400, 6)  # gaps are differences of shares: few rows tell little
IMAGES = Design("images", 500, 16, 2, "image")
USED = Design("table in use", 1200, 6, roles=("production",))


@dataclass(frozen=True)
class Flaw:
    """A kind of flaw.

    Args:
        name: what it is called.
        grades: strengths, weakest first; the first plants nothing.
        unit: what a strength is.
        plant: makes a flawed case of a clean one, a strength and random numbers.
        design: the clean data set it is planted in.
    """

    name: str
    grades: tuple[float, ...]
    unit: str
    plant: Callable[[Case, float, np.random.Generator], Case]
    design: Design = TABLE


def _some(mask, share, generator):
    """Choose a share of the rows of a mask."""
    rows = np.flatnonzero(mask)
    return generator.permutation(rows)[: round(share * len(rows))]


def copies(case, share, generator):
    """Put copies of training rows in place of a share of the test rows."""
    return near_copies(case, share, generator, noise=0.0)


def near_copies(case, share, generator, noise=0.01):
    """The same, each value moved by a hundredth of its column's spread."""
    rows = _some(case.is_test, share, generator)
    sources = generator.choice(np.flatnonzero(case.is_train), len(rows), replace=False)
    x, y = case.x.copy(), case.y.copy()
    x[rows] = case.x[sources]
    x[rows] += noise * case.x.std(0) * generator.normal(size=x[rows].shape)
    y[rows] = case.y[sources]
    return replace(case, x=x, y=y)


def shared_groups(case, share, generator):
    """Give a share of the test rows to people of the training split."""
    case = with_groups(case, generator)
    person, rows = case.columns["group"].copy(), _some(case.is_test, share, generator)
    person[rows] = generator.choice(person[case.is_train], len(rows))
    return case.with_role("group", person)


def older_tests(case, share, generator):
    """Take a share of the test rows from the time of the training rows."""
    case = with_times(case, generator)
    day, rows = case.columns["time"].copy(), _some(case.is_test, share, generator)
    day[rows] = generator.choice(day[case.is_train], len(rows))
    return case.with_role("time", day)


def leaking_column(case, share, generator):
    """Add a column that tells the target of a share of the rows, and is chance on the others."""
    told = generator.random(len(case.y)) < share
    told = np.where(told, case.y, generator.integers(case.y.max() + 1, size=len(case.y)))
    column = told + 0.1 * generator.normal(size=len(case.y))
    return replace(case, x=np.column_stack([case.x, column]))


def wrong_labels(case, share, generator, among=None):
    """Give a share of the rows another label."""
    rows = _some(np.ones(len(case.y), bool) if among is None else among, share, generator)
    y, classes = case.y.copy(), int(case.y.max()) + 1
    y[rows] = (y[rows] + generator.integers(1, classes, len(rows))) % classes
    return replace(case, y=y)


def telling_source(case, share, generator):
    """Take a share of the rows from the hospital of their label, the others from either."""
    told = np.where(
        generator.random(len(case.y)) < share, case.y, generator.integers(2, size=len(case.y))
    )
    return case.with_role("environment", np.array(["north", "south"])[told])


def stamp(case, share, generator):
    """Stamp a corner of a share of the images of one class."""
    x, rows = case.x.copy(), _some(case.y == 1, share, generator)
    x[rows, :, :2, :3] = 1.0
    return replace(case, x=x)


def stamp_of_source(case, share, generator):
    """Stamp the images of one hospital, which has a share more of one class."""
    case = telling_source(case, share, generator)
    x, rows = case.x.copy(), np.flatnonzero(case.columns["environment"] == "south")
    if share:
        x[rows, :, :2, :3] = 1.0
    return replace(case, x=x)


def rare_class(case, lost, generator):
    """Take away a share of the rows of the last class."""
    keep = np.ones(len(case.y), dtype=bool)
    keep[_some(case.y == case.y.max(), lost, generator)] = False
    return case.take(keep)


def worse_group(case, share, generator):
    """Give a share of the rows of one group of people the other label."""
    person = generator.choice(["a", "b"], len(case.y))
    return wrong_labels(case, share, generator, person == "b").with_role("sensitive", person)


def worse_source(case, share, generator):
    """Give a share of the rows of one hospital of three the other label."""
    place = generator.choice(["north", "south", "west"], len(case.y))
    return wrong_labels(case, share, generator, place == "west").with_role("environment", place)


def moved_inputs(case, spreads, generator):
    """Move two columns of the rows where the model is used."""
    x, rows = case.x.copy(), case.part == "production"
    x[rows, :2] += spreads * case.x[:, :2].std(0)
    return replace(case, x=x)


def moved_labels(case, share, generator):
    """Take away rows of one class where the model is used, until the other has a share more."""
    there = (case.part == "production") & (case.y == 0)
    keep = np.ones(len(case.y), dtype=bool)
    others = ((case.part == "production") & (case.y != 0)).sum()
    wanted = others * (0.5 - share) / (0.5 + share)  # so that the others are 0.5 + share
    keep[_some(there, max(0.0, 1 - wanted / there.sum()), generator)] = False
    return case.take(keep)


def seen_tests(case, share, generator):
    """Fit the scaling and the selection on a share of the test rows too."""
    seen = case.is_train.copy()
    seen[_some(case.is_test, share, generator)] = True
    noise = generator.normal(size=(len(case.y), 20))
    return replace(case, x=np.column_stack([case.x, noise]), is_seen=seen, keep=8)


def telling_gaps(case, apart, generator):
    """Lose values of a column, of one class more often than of the other."""
    x = case.x.copy()
    lost = generator.random(len(x)) < 0.25 + apart / 2 * np.where(case.y == 1, 1, -1)
    x[lost, 0] = np.nan
    return replace(case, x=x)


def stand_in(case, share, generator):
    """Add a column that tells the sensitive attribute of a share of the rows."""
    person = generator.integers(2, size=len(case.y))
    told = generator.random(len(case.y)) < share
    told = np.where(told, person, generator.integers(2, size=len(case.y)))
    column = told + 0.1 * generator.normal(size=len(case.y))
    case = replace(case, x=np.column_stack([case.x, column]))
    return case.with_role("sensitive", np.array(["a", "b"])[person])


def weak_corner(case, share, generator):
    """Give a share of the rows of one corner of two columns, a ninth of all, another label."""
    corner = (case.x[:, :2] > np.quantile(case.x[:, :2], 2 / 3, axis=0)).all(1)
    return wrong_labels(case, share, generator, corner)


FEW, MANY = (0.0, 0.005, 0.01, 0.02, 0.05, 0.2), (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SOME = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
SPREADS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
TESTED = "share of test rows"

FLAWS = (
    Flaw("exact duplicates", FEW, TESTED, copies),
    Flaw("near duplicates", FEW, TESTED, near_copies),
    Flaw("group overlap", FEW, TESTED, shared_groups),
    Flaw("temporal overlap", FEW, TESTED, older_tests),
    Flaw("target leak", (0.0, 0.5, 0.8, 0.9, 0.95, 1.0), "share of rows told", leaking_column),
    Flaw("label errors", SOME, "share of labels", wrong_labels, EASY),
    Flaw("source confounding", MANY, "share of rows", telling_source),
    Flaw("stamp", MANY, "share of a class", stamp, IMAGES),
    Flaw("stamp of a source", MANY, "share of rows", stamp_of_source, IMAGES),
    Flaw("rare class", (0.0, 0.5, 0.8, 0.9, 0.95, 0.98), "share of a class taken away", rare_class),
    Flaw("group gap", SOME, "share of one group's labels", worse_group, LARGE),
    Flaw("source gap", SOME, "share of one source's labels", worse_source, LARGE),
    Flaw("covariate shift", SPREADS, "spreads, of two columns", moved_inputs, USED),
    Flaw("label shift", SOME, "change of a class's share", moved_labels, USED),
    Flaw("fitted on test rows", (0.0, 0.1, 0.25, 0.5, 0.75, 1.0), TESTED, seen_tests),
    Flaw("telling gaps", SOME, "difference of the missing share", telling_gaps),
    Flaw("proxy", MANY, "share of rows told", stand_in),
    Flaw("weak slice", MANY, "share of the slice's labels", weak_corner),
)
