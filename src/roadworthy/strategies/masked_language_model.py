from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.networks.backbone import backbone_of, halves
from roadworthy.networks.word_tokenizer import FIRST, MASK
from roadworthy.strategies.self_supervision import Pretext, SelfSupervision
from roadworthy.training.plan import Batch, TrainPlan

HIDDEN = 0.8  # share of the chosen words in whose place the mask stands
REPLACED = 0.1  # share of them in whose place another word stands


@dataclass(frozen=True)
class MaskedLanguageModel(SelfSupervision):
    """Masked language model: tell which word stood at a place from the words around it.

    Some words of each text are chosen. Most of them are hidden, a few replaced by a word drawn at
    random and a few left, so that the network cannot tell by looks alone which words it will be
    asked for. Only chosen words count.

    Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1.
    Differs from the paper: whole words and no pieces of words, and only words of the vocabulary are
    chosen; the texts are those of the data, and there is no task of two sentences. Weights of the
    output are those of the words' embeddings, after one hidden layer, as in the authors' code.

    Args:
        epochs: of the pre-training.
        batch: texts per step of the pre-training.
        rate: learning rate at the start of the pre-training.
        chosen: share of the words that are asked for.
    """

    batch: int = 64
    rate: float = 1e-3
    chosen: float = 0.15

    card = Card(
        "masked-language-model",
        "Masked language model",
        aliases=("mlm", "bert"),
        paper="arxiv:1810.04805",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"
    views = 1
    kinds = frozenset({"text"})

    def pretext(self, plan: TrainPlan) -> Pretext:
        if not 0 < self.chosen < 1:
            raise InputError(
                "masked-language-model asks for a share of the words between 0 and 1, not "
                f"{self.chosen}"
            )
        if not any(part.name == "text-transformer" for part in plan.parts):
            raise InputError(
                "masked-language-model trains a network that sees the order of words and knows "
                f"whole ones by number, and one that begins with {plan.parts[0].name} does not (a "
                "checkpoint was pre-trained before): choose the recipe text-transformer"
            )

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            encoder, backbone = halves(network)
            words = encoder(batch.x)
            seen, is_chosen = masked(words, encoder[0].known, self.chosen)
            states, known = backbone.states(seen)[is_chosen], backbone.words.weight[FIRST:]
            return guessing_loss(batch.beside["decoder"](states, known), words[is_chosen])

        def make(network: nn.Sequential) -> nn.Module:
            vocabulary = backbone_of(network).words.weight[FIRST:]
            return Decoder(vocabulary.shape[1], len(vocabulary))

        return Pretext(objective, {"decoder": make})


class Decoder(nn.Module):
    """Gives each word of a vocabulary a logit at a place, by the words' own embeddings.

    Args:
        width: numbers of an embedding.
        words: in the vocabulary.
    """

    def __init__(self, width: int, words: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(words))

    def forward(self, states: Tensor, embeddings: Tensor) -> Tensor:
        """Give logits (M, V) at states (M, width) of words by their embeddings (V, width)."""
        return self.hidden(states) @ embeddings.T + self.bias


def masked(words: Tensor, known: int, share: float) -> tuple[Tensor, Tensor]:
    """Choose words of texts (N, W) and change most of them: (N, W), and which were chosen (N, W).

    Args:
        words: by number; only those of the vocabulary are chosen.
        known: words in the vocabulary, from which others are drawn.
        share: of the words that are chosen.
    """
    is_chosen = (words >= FIRST) & (torch.rand(words.shape, device=words.device) < share)
    others = FIRST + torch.randint(max(1, known), words.shape, device=words.device)
    lot = torch.rand(words.shape, device=words.device)
    changed = torch.where(lot < HIDDEN, MASK, torch.where(lot < HIDDEN + REPLACED, others, words))
    return torch.where(is_chosen, changed, words), is_chosen


def guessing_loss(guesses: Tensor, words: Tensor) -> Tensor:
    """Give the mean cross-entropy of guesses (M, V) at the words (M,) that stood there.

    It is 0 where a batch has no chosen word.
    """
    return cross_entropy(guesses, words - FIRST, reduction="sum") / max(1, len(words))
