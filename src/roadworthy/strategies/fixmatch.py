from dataclasses import dataclass

from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.strategies.guessed_labels import GuessedLabels, guess_loss


@dataclass(frozen=True)
class FixMatch(GuessedLabels):
    """FixMatch: sure guesses on slightly changed rows are learned on strongly changed ones.

    A guess counts where its probability reaches a threshold. With a handful of labels per class it
    can come close to learning from all labels, as long as strong changes leave the class alone; on
    texts and tables, whose changes are cruder, it can do harm.

    Source: Sohn et al. 2020, arXiv:2001.07685, algorithm 1.
    Differs from the paper: AdamW, half a cosine and shorter training; images are not mirrored, and
    strong changes are fewer and other ones.

    Args:
        ratio: rows without targets per row with one (mu in the paper).
        weight: of their loss (lambda_u in the paper).
        average: decay per step of the running average of the weights, which is what is kept.
        rise: share of the training during which that weight rises from 0; the threshold does as
            much.
        threshold: least probability of a guess that is learned (tau in the paper).
    """

    threshold: float = 0.95

    card = Card("fixmatch", "FixMatch", paper="arxiv:2001.07685", cost="minutes", safety="retrains")
    purpose = "semi-supervised"

    def loss(self, guesses: Tensor, logits: Tensor, state: nn.Module) -> Tensor:
        is_sure = guesses.amax(1) >= self.threshold
        return self.weight * guess_loss(guesses, logits, is_sure.to(logits.dtype))
