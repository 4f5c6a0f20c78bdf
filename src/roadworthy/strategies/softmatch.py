from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.strategies.guessed_labels import GuessedLabels, guess_loss


@dataclass(frozen=True)
class SoftMatch(GuessedLabels):
    """SoftMatch: FixMatch where unsure guesses count less, and none is left out.

    The weight of a guess falls like a normal density below the running mean of the guesses' largest
    probabilities. For the weight alone, probabilities are first brought to where all classes are
    guessed alike.

    Source: Chen et al. 2023, arXiv:2301.10921, section 3; the spread as in the authors'
    code.
    Differs from the paper: as FixMatch; for trainings of some hundred steps, whose first guesses
    would decide them, the weight rises from 0, and what is remembered decays by 0.99, not 0.999.

    Args:
        ratio: rows without targets per row with one.
        weight: of their loss.
        average: decay per step of the running average of the weights, which is what is kept.
        rise: share of the training during which that weight rises from 0.
        spread: standard deviations of the largest probabilities, per one of the density; in the
            authors' code a half.
        decay: of what is remembered of guesses, per step (m in the paper).
    """

    rise: float = 0.4
    spread: float = 0.5
    decay: float = 0.99

    card = Card(
        "softmatch", "SoftMatch", paper="arxiv:2301.10921", cost="minutes", safety="retrains"
    )
    purpose = "semi-supervised"

    def loss(self, guesses: Tensor, logits: Tensor, state: nn.Module) -> Tensor:
        assert isinstance(state, Moments)
        largest = state.aligned(guesses, self.decay).amax(1)
        state.note(largest, self.decay)
        below = (largest - state.mean).clamp_max(0)
        weights = (-below.square() / (2 * self.spread**2 * state.variance)).exp()
        return self.weight * guess_loss(guesses, logits, weights)

    def memory(self, classes: int) -> nn.Module:
        return Moments(classes)


class Moments(nn.Module):
    """Mean and variance of the guesses' largest probabilities over the last steps.

    Args:
        classes: how many there are.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(1 / classes))
        self.register_buffer("variance", torch.tensor(1.0))
        self.register_buffer("guessed", torch.full((classes,), 1 / classes))

    def aligned(self, guesses: Tensor, decay: float) -> Tensor:
        """Remember guesses (U, K), and give them as if all classes were guessed alike."""
        self.guessed.lerp_(guesses.mean(0), 1 - decay)
        even = guesses / self.guessed.clamp_min(1e-6)
        return even / even.sum(1, keepdim=True)

    def note(self, largest: Tensor, decay: float) -> None:
        """Remember the largest probabilities (U,)."""
        self.mean.lerp_(largest.mean(), 1 - decay)
        if len(largest) > 1:  # one alone has no variance
            self.variance.lerp_(largest.var(), 1 - decay)
