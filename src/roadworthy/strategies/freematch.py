from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from roadworthy.core.card import Card
from roadworthy.strategies.guessed_labels import GuessedLabels, guess_loss


@dataclass(frozen=True)
class FreeMatch(GuessedLabels):
    """FreeMatch: FixMatch whose thresholds, one per class, follow how sure the network is by now.

    The common threshold is the running mean of the guesses' largest probabilities; a class that is
    guessed with less probability has a lower one. A term for fairness keeps what is learned of
    guesses spread over the classes as the running guesses are.

    Source: Wang et al. 2023, arXiv:2205.07246, section 4; histograms and sums as in the
    authors' code.
    Differs from the paper: as FixMatch; for trainings of some hundred steps, whose first guesses
    would decide them, the weight rises from 0, and what is remembered decays by 0.99, not 0.999;
    where no guess counts in a step, there is no term for fairness.

    Args:
        ratio: rows without targets per row with one.
        weight: of their loss.
        average: decay per step of the running average of the weights, which is what is kept.
        rise: share of the training during which that weight rises from 0.
        fairness: weight of the term for fairness.
        decay: of what is remembered of guesses, per step (lambda in the paper).
    """

    rise: float = 0.4
    fairness: float = 0.01
    decay: float = 0.99

    card = Card(
        "freematch", "FreeMatch", paper="arxiv:2205.07246", cost="minutes", safety="retrains"
    )
    purpose = "semi-supervised"

    def loss(self, guesses: Tensor, logits: Tensor, state: nn.Module) -> Tensor:
        assert isinstance(state, Sureness)
        state.note(guesses, self.decay)
        is_sure = guesses.amax(1) >= state.thresholds()[guesses.argmax(1)]
        learned = self.weight * guess_loss(guesses, logits, is_sure.to(logits.dtype))
        if not is_sure.any():
            return learned
        return learned + self.fairness * state.unfairness(logits[is_sure].softmax(1))

    def memory(self, classes: int) -> nn.Module:
        return Sureness(classes)


class Sureness(nn.Module):
    """How sure guesses were over the last steps.

    Args:
        classes: how many there are.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        even = torch.full((classes,), 1 / classes)
        self.register_buffer("largest", torch.tensor(1 / classes))  # tau_t in the paper
        self.register_buffer("mean", even.clone())  # probability of each class, p tilde
        self.register_buffer("share", even.clone())  # of guesses that are of a class, h tilde

    def note(self, guesses: Tensor, decay: float) -> None:
        """Remember guesses (U, K)."""
        self.largest.lerp_(guesses.amax(1).mean(), 1 - decay)
        self.mean.lerp_(guesses.mean(0), 1 - decay)
        self.share.lerp_(histogram(guesses), 1 - decay)

    def thresholds(self) -> Tensor:
        """Give the least probability (K,) of a guess that is learned."""
        return self.mean / self.mean.max() * self.largest

    def unfairness(self, answers: Tensor) -> Tensor:
        """Give minus the cross-entropy of answers (N, K) to sure rows from the running guesses.

        Both are brought to what they would be if all classes were guessed alike often; classes that
        are not guessed are left out.
        """
        expected = normalized(over(self.mean, self.share))
        found = normalized(over(answers.mean(0), histogram(answers)))
        return (expected * (found + 1e-12).log()).sum()


def histogram(probabilities: Tensor) -> Tensor:
    """Give the share (K,) of rows (N, K) whose likeliest class is each."""
    likeliest = one_hot(probabilities.argmax(1), probabilities.shape[1])
    return likeliest.to(probabilities.dtype).mean(0)


def over(mean: Tensor, share: Tensor) -> Tensor:
    """Divide probabilities (K,) by shares (K,), and give 0 where a share is 0."""
    return torch.where(share > 0, mean / share.clamp_min(1e-12), torch.zeros_like(mean))


def normalized(numbers: Tensor) -> Tensor:
    """Divide numbers (K,) by their sum."""
    return numbers / numbers.sum()
