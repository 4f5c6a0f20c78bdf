import torch
from torch import Tensor, nn

from roadworthy.networks.backbone import Backbone, Weights
from roadworthy.networks.word_tokenizer import FIRST, MOST, PADDING

SPREAD = 0.02  # standard deviation of the embeddings at the start, as in BERT
WIDEST = 1024  # bounds for settings that come from a file
DEEPEST = 64


class TextTransformer(Backbone):
    """A transformer encoder of words, and the mean of what it makes of them.

    Each word and each place in the text has a vector of its own; blocks of attention and a
    perceptron, normalized before each, let every word see the others. A text without any word is
    read as one of padding alone.

    Source: Vaswani et al. 2017, arXiv:1706.03762; Xiong et al. 2020, arXiv:2002.04745 (normalized
    before each step).

    Args:
        words: in the vocabulary.
        length: words of a text at most.
        width: numbers of a word's vector.
        depth: blocks.
        heads: of the attention; they share the width.
        outputs: numbers it gives per text.
    """

    def __init__(
        self, words: int, length: int, width: int, depth: int, heads: int, outputs: int
    ) -> None:
        super().__init__()
        if not 1 <= words <= MOST or not 1 <= length <= MOST:
            raise ValueError(f"words and length must be from 1 to {MOST}")
        if not 1 <= width <= WIDEST or not 1 <= depth <= DEEPEST:
            raise ValueError(f"width must be from 1 to {WIDEST}, and depth from 1 to {DEEPEST}")
        if heads < 1 or width % heads:
            raise ValueError(f"{heads} heads cannot share a width of {width} evenly")
        self.width = width
        self.words = nn.Embedding(FIRST + words, width)
        self.places = nn.Embedding(length, width)
        for embedding in (self.words, self.places):
            nn.init.normal_(embedding.weight, std=SPREAD)
        # batches second, or torch rounds otherwise where no gradients are wanted
        block = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", norm_first=True
        )
        self.blocks = nn.TransformerEncoder(
            block, depth, nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.head = nn.Linear(width, outputs)

    def states(self, words: Tensor) -> Tensor:
        """Give the vector (N, W, width) of each word (N, W) by what stands around it."""
        places = torch.arange(words.shape[1], device=words.device)
        x = self.words(words) + self.places(places)
        there = is_there(words)
        return self.blocks(x.transpose(0, 1), src_key_padding_mask=~there).transpose(0, 1)

    def layer_groups(self) -> list[Weights]:  # the embeddings, then each block
        first = (*self.words.parameters(), *self.places.parameters())
        blocks = [tuple(block.parameters()) for block in self.blocks.layers]
        blocks[-1] += tuple(self.blocks.norm.parameters())
        return [first, *blocks]

    def embed(self, x: Tensor) -> Tensor:
        there = is_there(x)[:, :, None]
        return (self.states(x) * there).sum(1) / there.sum(1)


def is_there(words: Tensor) -> Tensor:
    """Say which numbers (N, W) are words; of a text without any, its first place is taken for one.

    Attention to nothing, and the mean of nothing, would be no number.
    """
    there = words != PADDING
    there[:, 0] = True
    return there
