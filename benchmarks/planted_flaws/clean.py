"""Data sets without a flaw: classes or numbers that a linear model can learn, roles at random."""

from dataclasses import dataclass, replace

import numpy as np

from .case import Case, split_of

APART = 1.3  # spreads from the middle to a class: a linear model is right on nine in ten rows


@dataclass(frozen=True)
class Design:
    """What a clean data set is like; `draw` makes one from random numbers.

    Args:
        name: what it is called.
        n: rows.
        columns: of a table; side of an image.
        classes: how many, 0 for numbers as targets.
        kind: `normal`, `correlated`, `skewed`, `coarse` or `image`.
        roles: which metadata there are; none plays a part.
        share: of rows for testing.
        apart: spreads of a class from the middle of two.
    """

    name: str
    n: int
    columns: int
    classes: int = 2
    kind: str = "normal"
    roles: tuple[str, ...] = ()
    share: float = 0.35
    apart: float = APART

    def draw(self, generator):
        make = image_case if self.kind == "image" else table_case
        case = make(self, generator)
        for role in self.roles:
            case = ROLES[role](case, generator)
        return case


def table_case(design, generator):
    n, columns, classes = design.n, design.columns, design.classes
    part = split_of(n, design.share, generator)
    if not classes:
        x = _shaped(generator.normal(size=(n, columns)), design.kind, generator)
        weights = generator.normal(size=columns)
        y = (x - x.mean(0)) / x.std(0) @ weights + generator.normal(size=n)
        return Case(x, y, part)
    y = generator.integers(classes, size=n)
    center = np.linalg.qr(generator.normal(size=(columns, columns)))[0][:classes]
    if classes == 2:  # opposite each other
        center[1] = -center[0]
    x = center[y] * design.apart * (1 if classes == 2 else 2)
    return Case(_shaped(x + generator.normal(size=(n, columns)), design.kind, generator), y, part)


def _shaped(x, kind, generator):
    if kind == "correlated":
        return x @ (np.eye(x.shape[1]) + 0.5)
    if kind == "skewed":
        return np.exp(0.5 * x)
    return np.round(4 * x) / 4 if kind == "coarse" else x


def image_case(design, generator):
    """Draw noisy images with a bright spot where the class wants it, well inside the border."""
    n, side = design.n, design.columns
    y = generator.integers(design.classes, size=n)
    turn = 2 * np.pi * y / design.classes
    row, column = side / 2 + side / 6 * np.sin(turn), side / 2 + side / 6 * np.cos(turn)
    grid = np.arange(side)
    away = (grid[:, None] - row[:, None, None]) ** 2 + (grid - column[:, None, None]) ** 2
    spot = 0.3 * np.exp(-away / (2 * (side / 12) ** 2))
    x = (0.3 + spot + 0.15 * generator.normal(size=(n, side, side))).clip(0, 1)
    return Case(x[:, None].astype(np.float32), y, split_of(n, design.share, generator))


def with_groups(case, generator):
    """Give every four rows a person; the split keeps people whole."""
    person = np.array([f"p{k:04}" for k in np.arange(len(case.y)) // 4])
    names = np.unique(person)
    tested = generator.permutation(names)[: round(case.is_test.mean() * len(names))]
    part = np.where(np.isin(person, tested), "test", "train").astype(object)
    return replace(case, part=part).with_role("group", person)


def with_environments(case, generator):
    return case.with_role("environment", generator.choice(["north", "south", "west"], len(case.y)))


def with_times(case, generator):
    """Give every row a day; the test split is the newest."""
    day = np.empty(len(case.y), dtype=int)
    day[~case.is_test] = generator.integers(0, 300, (~case.is_test).sum())
    day[case.is_test] = generator.integers(300, 450, case.is_test.sum())
    return case.with_role("time", day)


def with_sensitive(case, generator):
    return case.with_role("sensitive", generator.choice(["a", "b"], len(case.y)))


def with_production(case, generator):
    """Put a third of the rows where the model is used."""
    part = case.part.copy()
    part[generator.permutation(len(part))[: len(part) // 3]] = "production"
    return replace(case, part=part)


ROLES = {
    "group": with_groups,
    "environment": with_environments,
    "time": with_times,
    "sensitive": with_sensitive,
    "production": with_production,
}

CLEAN = (
    Design("small table", 300, 4),
    Design("table", 600, 8),
    Design("large table", 1500, 8),
    Design("wide table", 600, 25),
    Design("three classes", 600, 6, 3),
    Design("five classes", 1200, 8, 5),
    Design("correlated columns", 600, 8, kind="correlated"),
    Design("skewed columns", 600, 8, kind="skewed"),
    Design("coarse columns", 600, 8, kind="coarse"),
    Design("groups", 800, 6, roles=("group",)),
    Design("environments", 900, 6, roles=("environment",)),
    Design("times", 600, 6, roles=("time",)),
    Design("sensitive attribute", 1200, 6, roles=("sensitive",)),
    Design("production rows", 1200, 6, roles=("production",)),
    Design("all roles", 1500, 6, roles=("group", "environment", "sensitive")),
    Design("numbers", 600, 6, 0),
    Design("numbers, all roles", 1200, 6, 0, roles=("group", "environment", "sensitive")),
    Design("numbers, skewed columns", 600, 6, 0, kind="skewed", roles=("time",)),
    Design("small images", 400, 16, 2, "image"),
    Design("images, all roles", 900, 24, 3, "image", ("group", "environment", "sensitive")),
)
