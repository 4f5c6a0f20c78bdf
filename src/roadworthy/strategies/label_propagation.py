import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.networks import build
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# of the solution, relative to the labels: far from all of them little arrives, and its shares count
PRECISION = 1e-13
TINY = 1e-12


@dataclass(frozen=True)
class LabelPropagation(Strategy):
    """Label spreading: targets spread to similar rows first, then a network learns all of them.

    Rows are joined with their nearest neighbors, and targets flow along the joints until they
    settle. A row counts as much as its settled probabilities are sure, by their entropy; rows that
    nothing flows to stay out. It is cheap and hard to beat where distances mean something: tables
    of measurements, small aligned images. On raw pixels of photographs they do not.

    Source: Zhou et al. 2004, "Learning with local and global consistency", NIPS 16; rows weighted
    by entropy as in Iscen et al. 2019, arXiv:1904.04717.
    Differs from the paper: neighbors count alike, where Zhou et al. take all rows by a Gaussian of
    their distance; distances are those of standardized inputs, measured once.

    Args:
        neighbors: that a row is joined with; a joint goes both ways.
        alpha: share of a row's label that comes from its neighbors, below 1.
    """

    neighbors: int = 7
    alpha: float = 0.99

    card = Card(
        "label-propagation",
        "Label spreading",
        aliases=("label-spreading",),
        paper="https://papers.nips.cc/paper/2506",
        safety="retrains",
    )
    purpose = "semi-supervised"

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not 0 < self.alpha < 1:
            raise InputError(f"label spreading takes an alpha between 0 and 1, not {self.alpha}")
        x = torch.cat([plan.rows.x, plan.pool(self.card.name).x])
        known = np.zeros((len(x), len(plan.data.classes)))
        known[np.arange(len(plan.rows)), plan.rows.y.numpy()] = 1.0
        settled = spread(neighbor_graph(measured(plan, x), self.neighbors), known, self.alpha)
        found = torch.from_numpy(settled[len(plan.rows) :])
        total = found.sum(1, keepdim=True)
        shares = torch.where(total > 0, found / total, 1 / found.shape[1])
        entropy = torch.special.entr(shares).sum(1)
        sureness = (1 - entropy / math.log(found.shape[1])).clamp_min(0)
        return plan.adopt(self.card.name, shares.argmax(1), sureness)


def measured(plan: TrainPlan, x: Tensor) -> np.ndarray:
    """Give inputs (N, …) as the network's first part standardizes them: (N, D)."""
    with torch.random.fork_rng(devices=[]):
        first = build(plan.parts[:1])[0]
    first.measure(x)
    with torch.no_grad():
        array: np.ndarray = first(x).flatten(1).numpy()
    return array


def neighbor_graph(x: np.ndarray, neighbors: int) -> "csr_array":
    """Join rows (N, D) that are among each other's nearest, one way or the other: (N, N)."""
    from scipy.sparse import csr_array
    from sklearn.neighbors import kneighbors_graph  # slow to import

    graph = csr_array(kneighbors_graph(x, min(neighbors, len(x) - 1)))
    return csr_array(graph.maximum(graph.T))


def spread(graph: "csr_array", known: np.ndarray, alpha: float) -> np.ndarray:
    """Let labels flow along a graph until they settle: (N, K), at least 0.

    Args:
        graph: (N, N) symmetric weights.
        known: (N, K) 1 for the class of each row with a label, else 0.
        alpha: share of what comes from neighbors.
    """
    from scipy.sparse import diags_array, eye_array
    from scipy.sparse.csgraph import connected_components
    from scipy.sparse.linalg import cg  # slow to import

    root = diags_array(1 / np.sqrt(np.maximum(graph.sum(1), TINY)))
    system = eye_array(len(known)) - alpha * (root @ graph @ root)
    # conjugate gradients take one right side at a time, and there are as many as classes
    settled = [cg(system, (1 - alpha) * side, rtol=PRECISION)[0] for side in known.T]
    _, island = connected_components(graph, directed=False)
    reached = np.bincount(island, known.sum(1)) > 0  # elsewhere there is nothing but rounding
    return np.stack(settled, 1).clip(0) * reached[island][:, None]
