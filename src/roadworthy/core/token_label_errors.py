"""Which sentences hold a token whose label is probably wrong."""

from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.confident_learning import find_label_issues


@dataclass(frozen=True)
class TokenLabelIssues:
    """Suspicion per sentence, and per token of it.

    Args:
        order: (S,) all sentences, most suspicious first.
        score: (S,) that of the worst token, in [0, 1]; 1 of a sentence without tokens.
        token_score: (T,) probability of the token's given label.
        is_issue: (T,) bool, True where confident learning rejects the given label.
        suggested: (T,) class the token confidently belongs to, else its most probable one.
    """

    order: Tensor
    score: Tensor
    token_score: Tensor
    is_issue: Tensor
    suggested: Tensor


def find_token_label_issues(probs: Tensor, labels: Tensor, sentence: Tensor) -> TokenLabelIssues:
    """Rank sentences by how probably the label of some token is wrong.

    A sentence is as good as its worst token: most tokens are easy, so an average hides the one
    that is wrong.

    Source: Wang and Mueller 2022, arXiv:2210.03920, section 2 (worst-token).

    Args:
        probs: (T, K) probabilities of all tokens, from a model that did not train on the sentence.
        labels: (T,) given labels, integers from 0 to K - 1.
        sentence: (T,) the sentence each token is of, integers from 0.

    Raises:
        ValueError: an argument is not as above.
    """
    if sentence.shape != labels.shape or sentence.is_floating_point() or (sentence < 0).any():
        raise ValueError("sentence must give each token an integer from 0")
    issues = find_label_issues(probs, labels)
    token_score = probs.double().gather(1, labels.long()[:, None])[:, 0]
    score = torch.ones(int(sentence.max()) + 1, dtype=torch.double, device=probs.device)
    score = score.scatter_reduce(0, sentence.long(), token_score, "amin")
    return TokenLabelIssues(
        order=score.argsort(stable=True),
        score=score,
        token_score=token_score,
        is_issue=issues.is_issue,
        suggested=issues.suggested,
    )
