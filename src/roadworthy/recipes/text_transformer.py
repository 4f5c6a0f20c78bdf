from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.networks import Part
from roadworthy.training.plan import Schedule, TrainPlan
from roadworthy.training.trained import NetworkRecipe, check_fits


@dataclass(frozen=True)
class TextTransformer(NetworkRecipe):
    """Trains a small transformer encoder of the words in a text, from scratch, by Adam.

    The network's first part learns the vocabulary from the rows that it is trained on, so that
    texts go in as they are; a pre-training takes it from the rows without a target too. It sees
    the order of words, and has a representation for strategies and queries to work with;
    bag-of-words takes a small part of the time: compare.

    Source: Vaswani et al. 2017, arXiv:1706.03762.
    Differs from the paper: the encoder only; normalized before each step, GELU and no dropout.

    Args:
        words: to keep at most, those of most rows first.
        least: keep words that at least so many rows hold.
        length: words of a text that are read; what follows is left out.
        width: numbers of a word's vector.
        depth: blocks.
        heads: of the attention; they share the width.
        epochs: at most so many times over the rows.
        batch: rows per step.
        rate: learning rate at the start.
        decay: weight decay.
    """

    words: int = 5000
    least: int = 2
    length: int = 128
    width: int = 64
    depth: int = 2
    heads: int = 4
    epochs: int = 30
    batch: int = 32
    rate: float = 1e-3
    decay: float = 1e-2

    card = Card("text-transformer", "Transformer encoder of words", paper="arxiv:1706.03762")
    tasks = frozenset({Task.NOMINAL, Task.ORDINAL, Task.REGRESSION})
    kinds = frozenset({"text"})

    def plan(self, data: Dataset, rows: Split, seed: int) -> TrainPlan:
        check_fits(self, data)
        if not len(rows):
            raise InputError("there are no rows to train on")
        size = {"words": self.words, "length": self.length}
        encoder = Part("word-tokenizer", {**size, "least": self.least})
        shape = {"width": self.width, "depth": self.depth, "heads": self.heads}
        outputs = max(1, len(data.classes))
        body = Part("text-transformer", {**size, **shape, "outputs": outputs})
        last = (Part("rescale"),) if data.task == Task.REGRESSION else ()
        schedule = Schedule(self.epochs, self.batch, self.rate, self.decay)
        return TrainPlan(data, rows, (encoder, body, *last), schedule, seed)
