from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.adjusted_effect import outcomes
from roadworthy.artifacts.labelled_rows import labelled_rows
from roadworthy.artifacts.roles import clusters, is_known
from roadworthy.causes.discovery import edge_counts
from roadworthy.causes.invariant_prediction import screened
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import MissingExtraError, NotAssessed
from roadworthy.core.progress import Progress

MOST = 1000  # rows
FEWEST = 100
MOST_COLUMNS = 8
RAREST = 20  # rows that differ from the most frequent value
NEW = 1e-3  # share of a column's variance that those before it must leave
TARGET = "target"


@dataclass(frozen=True, eq=False)
class CausalEdgesValue:
    """How often which method found which edge, in halves of the rows.

    Args:
        names: what the variables are called; the columns of the table first.
        columns: numbers of those that are columns of the table.
        roots: positions in `names` of the sensitive attributes and the environment.
        directed: (M, D, D) by method: in how many halves the first acts on the second.
        undirected: (M, D, D) in how many they are neighbors of unknown direction.
        draws: how many halves there were.
        rows: how many rows there were.
    """

    names: tuple[str, ...]
    columns: tuple[int, ...]
    roots: tuple[int, ...]
    directed: Tensor
    undirected: Tensor
    draws: int
    rows: int


@dataclass(frozen=True)
class CausalEdges(Artifact[CausalEdgesValue]):
    """Which variables seem to act on which, and how surely.

    On halves of at most 1000 labelled rows, one of each group (Meinshausen and Bühlmann 2010,
    arXiv:0809.2932): the 8 columns that say most of the target, the target, the sensitive
    attributes and the environment. Attributes of several values enter as their most frequent value
    against the rest; columns of several categories, and such as others settle, are left out.

    Args:
        methods: how edges are found.
        draws: how many halves.
    """

    methods: tuple[str, ...] = ("pc", "ges", "lingam")
    draws: int = 20

    card = Card("causal-edges", "What seems to act on what", paper="arxiv:0809.2932")
    value = CausalEdgesValue

    def cost(self, subject: Subject) -> float:
        return 2000 * min(MOST, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> CausalEdgesValue:
        data, seed = subject.dataset, subject.seed_for(self)
        rows = _drawn(data, np.random.default_rng(seed))
        if len(rows) < FEWEST:
            raise NotAssessed(f"it takes {FEWEST} rows of different groups; there are {len(rows)}")
        roots = _roots(data, rows)
        columns = _columns(data, rows, roots)
        named = {data.features[j].name: rows.x[:, j].double().numpy() for j in columns}
        named |= {TARGET: outcomes(data, rows)} | roots
        matrix = np.stack(list(named.values()), axis=1)
        matrix = (matrix - matrix.mean(0)) / matrix.std(0)
        first = tuple(list(named).index(name) for name in roots)
        found = []
        for k, method in enumerate(self.methods):
            try:
                found.append(edge_counts(matrix, method, self.draws, seed, first))
            except MissingExtraError as error:
                raise NotAssessed(str(error)) from None
            progress.advance((k + 1) / len(self.methods))
        return CausalEdgesValue(
            tuple(named),
            tuple(columns),
            first,
            torch.from_numpy(np.stack([counts.directed for counts in found])),
            torch.from_numpy(np.stack([counts.undirected for counts in found])),
            self.draws,
            len(rows),
        )


def _drawn(data: Dataset, generator: np.random.Generator) -> Split:
    whole = labelled_rows(data)
    order = generator.permutation(len(whole))
    for name in _role_columns(data):
        order = order[is_known(whole.columns[name])[order]]
    group = clusters(data, whole)
    if group is not None:
        order = order[np.sort(np.unique(group[order], return_index=True)[1])]
    return whole.take(torch.from_numpy(order[:MOST]))


def _role_columns(data: Dataset) -> tuple[str, ...]:
    environment = data.roles.environment
    named = (*data.roles.sensitive, *(() if environment is None else (environment,)))
    return tuple(dict.fromkeys(named))


def _roots(data: Dataset, rows: Split) -> dict[str, np.ndarray]:
    """Give the sensitive attributes and the environment as numbers (N,)."""
    found = {}
    for name in _role_columns(data):
        values = rows.columns[name]
        names, times = np.unique(values, return_counts=True)
        if values.dtype.kind == "f" and len(names) > 10:
            found[name] = values.astype(float)
        else:
            found[name] = (values == names[times.argmax()]).astype(float)
    return {name: column for name, column in found.items() if _varies(column)}


def _varies(column: np.ndarray) -> bool:
    return len(column) - np.unique(column, return_counts=True)[1].max() >= RAREST


def _columns(data: Dataset, rows: Split, roots: dict[str, np.ndarray]) -> list[int]:
    """Choose columns that say most of the target, and that no others settle."""
    x = rows.x.double().numpy()
    usable = [
        j
        for j, feature in enumerate(data.features)
        if len(feature.categories) <= 2 and feature.name not in roots and _varies(x[:, j])
    ]
    y = outcomes(data, rows)[:, None]
    blocks = [((x[:, j] - x[:, j].mean()) / x[:, j].std())[:, None] for j in usable]
    design = np.column_stack([np.ones(len(x)), *roots.values()])
    kept = []
    for k in screened(blocks, y, MOST_COLUMNS):
        left = blocks[k] - design @ np.linalg.lstsq(design, blocks[k], rcond=None)[0]
        if np.square(left).mean() > NEW:
            kept.append(usable[k])
            design = np.hstack([design, blocks[k]])
    return kept
