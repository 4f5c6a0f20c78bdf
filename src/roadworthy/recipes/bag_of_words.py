from dataclasses import dataclass

from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.networks import Part
from roadworthy.networks.bag_of_words import rows_of_terms
from roadworthy.training.plan import Schedule, TrainPlan
from roadworthy.training.trained import NetworkRecipe, check_fits


@dataclass(frozen=True)
class BagOfWords(NetworkRecipe):
    """Trains a linear model of the words and pairs of words in a text, by Adam.

    The network's first part learns the vocabulary from the training rows and weighs terms by
    TF-IDF, so that texts go in as they are. It is a strong baseline for topics and spam; it does
    not see the order of words beyond pairs, and languages that are written without spaces need
    another model.

    Source: Wang and Manning 2012, ACL P12-2018 (pairs of words as a baseline); Salton and Buckley
    1988, doi:10.1016/0306-4573(88)90021-0 (TF-IDF).

    Args:
        terms: words and pairs to keep at most, those of most rows first.
        least: keep terms that at least so many rows hold.
        epochs: at most so many times over the rows.
        batch: rows per step.
        rate: learning rate at the start.
        decay: weight decay.
    """

    terms: int = 20_000
    least: int = 2
    epochs: int = 15
    batch: int = 32
    rate: float = 5e-2
    decay: float = 1e-2

    card = Card("bag-of-words", "Linear model of words", aliases=("tf-idf", "text"))
    tasks = frozenset({Task.NOMINAL, Task.ORDINAL, Task.REGRESSION})
    kinds = frozenset({"text"})

    def plan(self, data: Dataset, rows: Split, seed: int) -> TrainPlan:
        check_fits(self, data)
        if not len(rows):
            raise InputError("there are no rows to train on")
        terms = self.room_for(rows.x)
        encoder = Part("bag-of-words", {"terms": terms, "least": self.least})
        body = Part("linear", {"inputs": terms, "outputs": max(1, len(data.classes))})
        last = (Part("rescale"),) if data.task == Task.REGRESSION else ()
        schedule = Schedule(self.epochs, self.batch, self.rate, self.decay)
        return TrainPlan(data, rows, (encoder, body, *last), schedule, seed)

    def room_for(self, x: Tensor) -> int:
        """Say how many terms the network keeps of rows (N, L)."""
        held = rows_of_terms(x)[1]
        return min(self.terms, max(1, int((held >= self.least).sum())))
