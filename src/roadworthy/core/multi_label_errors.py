"""Which labels are probably wrong where a sample can have any number of them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.confident_learning import find_label_issues


@dataclass(frozen=True)
class MultiLabelIssues:
    """Suspicion per sample, and per label of it.

    Args:
        order: (N,) all indices, most suspicious first.
        score: (N,) how good the labels of a sample are together, in [0, 1].
        label_score: (N, K) probability of each given label, present or absent.
        is_issue: (N, K) bool, True where confident learning rejects a label.
    """

    order: Tensor
    score: Tensor
    label_score: Tensor
    is_issue: Tensor


def find_multi_label_issues(probs: Tensor, labels: Tensor, alpha: float = 0.8) -> MultiLabelIssues:
    """Rank samples by how probably some of their labels are wrong.

    Each label is a problem of two classes of its own, present and absent. A sample's score is the
    exponential moving average of the probabilities of its given labels from the best to the worst,
    so the worst counts most and the others still count.

    Source: Thyagarajan, Snorrason, Northcutt and Mueller 2022, arXiv:2211.13895, section 3.

    Args:
        probs: (N, K) probability of each label, from a model that did not train on the sample.
        labels: (N, K) which were given, 0 or 1.
        alpha: weight of the worst label, in [0, 1].

    Raises:
        ValueError: an argument is not as above.
    """
    if probs.ndim != 2 or probs.shape != labels.shape or not probs.numel():
        shapes = f"{tuple(probs.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"probs and labels must both be (N, K), not {shapes}")
    if not ((probs >= 0) & (probs <= 1)).all():  # also catches nan
        raise ValueError("probs must lie in [0, 1]: apply a sigmoid to logits first")
    if not ((labels == 0) | (labels == 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must lie in [0, 1], not {alpha}")
    probs, labels = probs.double(), labels.long()
    pair = torch.stack([1 - probs, probs], 2)  # (N, K, 2)
    label_score = pair.gather(2, labels[..., None])[..., 0]
    # by label: each has its own thresholds
    issues = [find_label_issues(pair[:, k], labels[:, k]).is_issue for k in range(probs.shape[1])]
    score = moving_average(label_score, alpha)
    return MultiLabelIssues(score.argsort(stable=True), score, label_score, torch.stack(issues, 1))


def moving_average(scores: Tensor, alpha: float) -> Tensor:
    """(N,) S_K of S_1 = s_1, S_t = alpha s_t + (1 - alpha) S_(t-1), with s_1 the best of (N, K)."""
    kept = (1 - alpha) ** torch.arange(scores.shape[1] - 1, -1, -1, dtype=scores.dtype)
    weight = torch.cat([kept[:1], alpha * kept[1:]]).to(scores.device)
    return scores.sort(dim=1, descending=True).values @ weight
