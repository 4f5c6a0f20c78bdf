"""How much of the classes the embeddings of inputs show: by nearest neighbors, and linearly."""

import warnings

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from roadworthy.core.estimates import Measure, proportion

BLOCK = 4096  # rows and known rows whose similarities are held at a time
TEMPERATURE = 0.07  # of the neighbors' votes
STRENGTHS = np.logspace(-3, 3, 7)  # inverse penalties of the linear layer, to choose from
FOLDS = 5


def neighbor_votes(known: Tensor, y: Tensor, z: Tensor, neighbors: int, classes: int) -> Tensor:
    """Let the nearest known rows vote on the class of each row, those nearer by the angle more.

    Source: Wu et al. 2018, arXiv:1805.01978, section 3.4.

    Args:
        known: (M, D) embeddings of rows whose class is known.
        y: (M,) their classes.
        z: (N, D) embeddings.
        neighbors: that vote.
        classes: how many there are.

    Returns:
        (N, classes) votes.
    """
    known, vote = normalize(known), one_hot(y, classes).to(z.dtype)
    most = min(neighbors, len(known))
    votes = []
    for rows in torch.split(normalize(z), BLOCK):
        best, place = rows[:, :0], y.new_zeros(len(rows), 0)
        for start in range(0, len(known), BLOCK):  # the best so far, and those of one block
            similarity = rows @ known[start : start + BLOCK].T
            here = torch.arange(start, start + similarity.shape[1], device=y.device)
            similarity = torch.cat([best, similarity], 1)
            place = torch.cat([place, here.expand(len(rows), -1)], 1)
            best, order = similarity.topk(min(most, similarity.shape[1]), 1)
            place = place.gather(1, order)
        weight = (best / TEMPERATURE).exp()
        votes.append((weight[..., None] * vote[place]).sum(1))
    return torch.cat(votes)


def neighbor_accuracy(
    known: Tensor, y: Tensor, z: Tensor, truth: Tensor, neighbors: int = 20
) -> Measure:
    """Give the share of rows (N, D) whose class the nearest of known rows (M, D) name."""
    classes = int(torch.cat([y, truth]).max()) + 1
    answer = neighbor_votes(known, y, z, neighbors, classes).argmax(1)
    return proportion("nearest-neighbor accuracy", int((answer == truth).sum()), len(truth))


def linear_answers(known: Tensor, y: Tensor, z: Tensor, seed: int) -> Tensor:
    """Give the classes (N,) that a linear layer on embeddings (N, D) says.

    Embeddings are standardized by the known ones (M, D); how strongly the layer's weights are
    penalized is chosen by cross-validation within the known rows.
    """
    from sklearn.exceptions import ConvergenceWarning  # slow to import
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    labels = y.numpy()
    layer = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = min(FOLDS, int(np.unique(labels, return_counts=True)[1].min()))
    if folds > 1:
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
        grid = {"logisticregression__C": STRENGTHS}
        layer = GridSearchCV(layer, grid, cv=splits, error_score="raise")
    # more threads take longer over small matrices, and may round otherwise
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # weak penalties are hardly chosen
        layer.fit(known.double().numpy(), labels)
    return torch.from_numpy(layer.predict(z.double().numpy()))


def linear_accuracy(known: Tensor, y: Tensor, z: Tensor, truth: Tensor, seed: int) -> Measure:
    """Give the share of rows (N, D) whose class a linear layer learned from known rows (M, D)."""
    answer = linear_answers(known, y, z, seed)
    return proportion("linear probe's accuracy", int((answer == truth).sum()), len(truth))
