"""Confident learning: which given labels are probably wrong."""

from dataclasses import dataclass

import torch
from torch import Tensor

RELATIVE_TOLERANCE = 1e-6  # a probability equal to its class's mean must not fail by rounding


@dataclass(frozen=True)
class LabelIssues:
    """Suspicion per sample, and the noise model it rests on.

    Args:
        order: (N,) all indices, most suspicious first: issues, then the rest, each by `score`.
        score: (N,) probability in [0, 1] that the given label is right, or how close to it the
            true rank is expected; low is suspicious.
        is_issue: (N,) bool, True where the pruning rule rejects the given label.
        suggested: (N,) class the sample confidently belongs to, else its most probable one;
            never the given label of an `off_diagonal` issue.
        thresholds: (K,) mean probability of each class over its own samples, inf without any.
        joint: (K, K) calibrated probability of (given label, true label), summing to 1.
        noise_rate: off-diagonal mass of `joint`: estimated share of wrong labels.
    """

    order: Tensor
    score: Tensor
    is_issue: Tensor
    suggested: Tensor
    thresholds: Tensor
    joint: Tensor
    noise_rate: float


def find_label_issues(
    probs: Tensor, labels: Tensor, prune: str = "off_diagonal", *, is_ordinal: bool = False
) -> LabelIssues:
    """Rank samples by how probably their given label is wrong.

    The result is a list to review by hand: rejected labels may be right, accepted ones wrong.
    Ordinal labels are ranked by how far from the given rank the true one is expected, so that a
    label that is off by three ranks comes before one that is as surely off by one.

    Source: Northcutt, Jiang and Chuang 2021, arXiv:1911.00068, section 3.
    Differs from the paper: each class counts at least one confident correct sample, so that no row
    is empty; the order is by `posterior_of_true_label`, not by self-confidence or margin.

    Args:
        probs: (N, K) probabilities from a model that did not train on the sample (cross-validated).
        labels: (N,) given labels, integers from 0 to K - 1.
        prune: `off_diagonal` rejects what the confident joint counts off its diagonal; `noise_rate`
            rejects as many per class pair as the calibrated joint says; `both` is the paper's
            intersection of `noise_rate` with the same rule per class.
        is_ordinal: the classes are ranks, in order.

    Raises:
        ValueError: an argument is not as above.
    """
    check_inputs(probs, labels)
    probs, labels = probs.double(), labels.long()
    thresholds = class_thresholds(probs, labels)
    confident = confident_class(probs, thresholds)
    counts = confident_joint(confident, labels, probs.shape[1])
    joint = calibrated(counts, labels)
    if prune == "off_diagonal":
        is_issue = (confident >= 0) & (confident != labels)
    elif prune == "noise_rate":
        is_issue = prune_by_noise_rate(probs, labels, joint)
    elif prune == "both":
        is_issue = prune_by_noise_rate(probs, labels, joint) & prune_by_class(probs, labels, joint)
    else:
        raise ValueError(f"prune is {prune!r}: use 'off_diagonal', 'noise_rate' or 'both'")
    posterior = posterior_of_true_label(probs, labels, counts)
    score = closeness(posterior, labels, is_ordinal=is_ordinal)
    by_score = score.argsort(stable=True)
    return LabelIssues(
        order=by_score[(~is_issue[by_score]).int().argsort(stable=True)],
        score=score,
        is_issue=is_issue,
        suggested=torch.where(confident >= 0, confident, probs.argmax(1)),
        thresholds=thresholds,
        joint=joint,
        noise_rate=float(off_diagonal(joint).sum()),
    )


def check_inputs(probs: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless the rows of probs are distributions over the classes of labels."""
    if probs.ndim != 2 or labels.shape != probs.shape[:1] or len(probs) == 0:
        shapes = f"{tuple(probs.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"probs must be (N, K) and labels (N,) with N at least 1, not {shapes}")
    if not ((probs >= 0).all() and ((probs.sum(1) - 1).abs() < 1e-3).all()):  # also catches nan
        raise ValueError("the rows of probs do not sum to 1: apply a softmax to logits first")
    if labels.is_floating_point() or labels.min() < 0 or labels.max() >= probs.shape[1]:
        raise ValueError(f"labels must be integers from 0 to {probs.shape[1] - 1}")


def class_thresholds(probs: Tensor, labels: Tensor) -> Tensor:
    """t_j: (K,) mean probability of class j over the samples labeled j, inf without any."""
    size = labels.bincount(minlength=probs.shape[1])
    own = probs.gather(1, labels[:, None])[:, 0]
    total = torch.zeros_like(probs[0]).index_add(0, labels, own)
    return torch.where(size > 0, total / size, torch.inf)


def confident_class(probs: Tensor, thresholds: Tensor) -> Tensor:
    """(N,) class whose threshold is reached, the most probable one if several, -1 if none."""
    reached = (probs >= thresholds * (1 - RELATIVE_TOLERANCE)) & (probs > 0)
    return torch.where(reached.any(1), torch.where(reached, probs, -1.0).argmax(1), -1)


def confident_joint(confident: Tensor, labels: Tensor, classes: int) -> Tensor:
    """C: (K, K) counts by given label (row) and confident class (column), diagonal at least 1."""
    pairs = (labels * classes + confident)[confident >= 0]
    counts = pairs.bincount(minlength=classes**2).view(classes, classes)
    return counts + torch.diag((counts.diagonal() == 0).to(counts.dtype))


def calibrated(counts: Tensor, labels: Tensor) -> Tensor:
    """Q: (K, K) joint probability whose row sums are the given labels' shares."""
    share = labels.bincount(minlength=len(counts)).double() / len(labels)
    return counts.double() / counts.sum(1, keepdim=True) * share[:, None]


def off_diagonal(matrix: Tensor) -> Tensor:
    """The matrix with zeros on its diagonal."""
    return matrix - torch.diag(matrix.diagonal())


def rank_within_label(score: Tensor, labels: Tensor) -> Tensor:
    """(N, M) place of each score (N, M) among those of its label and column, 0 for the lowest."""
    by_score = score.argsort(dim=0, stable=True)
    by_label = by_score.gather(0, labels[by_score].argsort(dim=0, stable=True))  # label blocks
    size = labels.bincount()
    start = (size.cumsum(0) - size)[labels.sort().values]
    place = torch.arange(len(labels), device=labels.device) - start
    return torch.empty_like(by_label).scatter(0, by_label, place[:, None].expand_as(by_label))


def prune_by_class(probs: Tensor, labels: Tensor, joint: Tensor) -> Tensor:
    """(N,) bool: per class, as many of the least self-confident as the joint says are wrong."""
    wrong = (len(labels) * off_diagonal(joint).sum(1)).round()
    return rank_within_label(probs.gather(1, labels[:, None]), labels)[:, 0] < wrong[labels]


def prune_by_noise_rate(probs: Tensor, labels: Tensor, joint: Tensor) -> Tensor:
    """(N,) bool: per pair i, j the N * Q[i, j] samples labeled i where j exceeds i the most."""
    wrong = (len(labels) * off_diagonal(joint)).round()
    margin = probs.gather(1, labels[:, None]) - probs
    return (rank_within_label(margin, labels) < wrong[labels]).any(1)


def posterior_of_true_label(probs: Tensor, labels: Tensor, counts: Tensor) -> Tensor:
    """(N, K) probability of each true class k after seeing the given label, by Bayes' rule.

    p(true = k | x, given = i) is proportional to p(k | x) p(given = i | true = k). The second
    factor is a column of the calibrated joint, with one added to every count (Laplace's rule of
    succession), as a pair that was never counted is not impossible. So a doubt between two classes
    that are mixed up elsewhere weighs more than the same doubt between two that are not.
    """
    joint = calibrated(counts + 1, labels)
    given_from_true = joint / joint.sum(0)
    weight = probs * given_from_true[labels]
    return weight / weight.sum(1, keepdim=True)


def closeness(posterior: Tensor, labels: Tensor, *, is_ordinal: bool) -> Tensor:
    """(N,) one less the expected distance of the true class from the given one, in [0, 1].

    Any two classes are at distance 1, so it is the probability of the given one; or they are ranks,
    whose distance is counted in ranks, the farthest two being at distance 1.
    """
    if not is_ordinal:
        return posterior.gather(1, labels[:, None])[:, 0]
    classes = posterior.shape[1]
    apart = (torch.arange(classes, device=labels.device) - labels[:, None]).abs()
    return 1 - (posterior * apart).sum(1) / max(1, classes - 1)
