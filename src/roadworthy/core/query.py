from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model, Offer
from roadworthy.core.streams import Streams, row_words

BATCH = 512


@dataclass(frozen=True, eq=False)
class Pool:
    """What a query may look at when it chooses among unlabelled items.

    Args:
        embeddings: (U, E) vectors of the unlabelled items.
        known: (L, E) vectors of the labelled items; there may be none.
        known_classes: (L,) their classes.
        classes: how many classes there are.
        scores: (U, K) log-probabilities of the unlabelled items, where there is a model.
        members: (M, U, K) log-probabilities of a committee, or of passes with dropout.

    Raises:
        InputError: the parts do not fit together, or hold numbers that are not finite.
    """

    embeddings: Tensor
    known: Tensor
    known_classes: Tensor
    classes: int
    scores: Tensor | None = None
    members: Tensor | None = None

    def __post_init__(self) -> None:
        items, width = self.embeddings.shape
        if self.known.shape != (len(self.known_classes), width):
            raise InputError(
                f"labelled items of shape {tuple(self.known.shape)} do not go with "
                f"{len(self.known_classes)} classes and embeddings of {width} numbers"
            )
        for name, part in (("scores", self.scores), ("members", self.members)):
            if part is None:
                continue
            if part.shape[-2:] != (items, self.classes):
                raise InputError(
                    f"{name} of shape {tuple(part.shape)} do not go with {items} items and "
                    f"{self.classes} classes"
                )
            if part.isnan().any():
                raise InputError(f"the {name} hold numbers that are not numbers (NaN)")
        numbers = [part for part in (self.embeddings, self.known) if part.numel()]
        # the ends show it, and are found ten times as fast as all are looked at
        if not all(end.isfinite() for part in numbers for end in part.aminmax()):
            raise InputError("the embeddings hold numbers that are not finite")

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def probabilities(self) -> Tensor:
        """(U, K) what the model gives each class, in double precision."""
        if self.scores is None:
            raise InputError("these unlabelled items come without the scores of a model")
        return self.scores.double().softmax(-1)

    @property
    def member_probabilities(self) -> Tensor:
        """(M, U, K) what each member gives each class, in double precision."""
        if self.members is None:
            raise InputError("these unlabelled items come without the scores of a committee")
        return self.members.double().softmax(-1)

    @property
    def is_copy(self) -> Tensor:
        """(U,) whether an item repeats a labelled one, or one before it, number by number."""
        vectors = torch.cat([self.known, self.embeddings])
        _, kind = torch.unique(_sure_words(vectors), return_inverse=True)
        place = torch.arange(len(vectors), device=vectors.device)
        first = place.new_full((len(vectors),), len(vectors))
        first.scatter_reduce_(0, kind, place, "amin")
        return (first[kind] != place)[len(self.known) :]

    def take(self, items: Tensor) -> "Pool":
        """Keep some of the unlabelled items, by mask or index."""
        return replace(
            self,
            embeddings=self.embeddings[items],
            scores=None if self.scores is None else self.scores[items],
            members=None if self.members is None else self.members[:, items],
        )


@dataclass(frozen=True)
class Query(ABC):
    """Chooses which unlabelled items to label next; its fields are its settings.

    A query states the method. That items are told apart by what they are and by the seed, never by
    where they stand, and that copies are not paid for twice, is seen to in `pick`.
    """

    card: ClassVar[Card]
    needs: ClassVar[frozenset[str]] = frozenset()  # of `embeddings`, `scores`, `members`
    is_about_coverage: ClassVar[bool] = False  # copies of what is labelled or chosen come last

    @final
    def pick(self, pool: Pool, n: int, seed: int = 0) -> Tensor:
        """Choose (n,) distinct places in the pool, best first.

        Raises:
            InputError: the pool has fewer items, or comes without what the query needs.
        """
        if not 1 <= n <= len(pool):
            raise InputError(f"{n} items cannot be chosen from a pool of {len(pool)}")
        query = self.now(pool)
        for need in sorted(query.needs):
            if getattr(pool, need) is None:
                raise InputError(f"{query.card.name} needs {need}, and the pool has none")
        generator = torch.Generator().manual_seed(seed)
        pool, order = _arranged(pool, query.needs, seed, generator)
        if not query.is_about_coverage:
            return order[query.choose(pool, n, generator)]
        late = pool.is_copy
        chosen, copies = (~late).nonzero()[:, 0], late.nonzero()[:, 0]
        if len(chosen):
            found = query.choose(pool.take(chosen), min(n, len(chosen)), generator)
            chosen = chosen[found]
        copies = copies[torch.randperm(len(copies), generator=generator).to(copies.device)]
        return order[torch.cat([chosen, copies])[:n]]

    def now(self, pool: Pool) -> "Query":
        """Give the query to ask; itself, unless that changes with the labels there are."""
        return self

    @abstractmethod
    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        """Choose (n,) distinct places among items in random order: of equals, the first.

        Args:
            pool: its items; without copies where the query is about coverage.
            n: from 1 to the size of the pool.
            generator: of what it draws, on the CPU.
        """


def highest(values: Tensor, n: int) -> Tensor:
    """Give the places (n,) of the highest of values (N,), highest first; of equals, the first."""
    return values.argsort(descending=True, stable=True)[:n]


@torch.no_grad()
def pool_of(
    data: Dataset, rows: Tensor, known: Split, model: Model | None, members: Sequence[Model] = ()
) -> Pool:
    """Make a pool of unlabelled inputs, of what models say of them, and of the labelled rows.

    Args:
        data: says what the classes are.
        rows: (U, …) unlabelled inputs.
        known: labelled rows; there may be none.
        model: scores and embeds; without one, or where it offers no embeddings, they are the inputs
            themselves, which should then be on one scale.
        members: the models of a committee.

    Raises:
        InputError: the task has no classes.
    """
    if data.task == Task.REGRESSION:
        raise InputError(f"queries choose items of classes, but {data.name} is a regression task")
    embeddings, labelled = (embedded(model, x) for x in (rows, known.x))
    is_graded = model is not None and Offer.SCORES in model.spec.offers
    return Pool(
        embeddings,
        labelled,
        known.y,
        len(data.classes),
        _scores(model, rows) if model is not None and is_graded else None,
        torch.stack([_scores(member, rows) for member in members]) if members else None,
    )


@torch.no_grad()
def embedded(model: Model | None, x: Tensor) -> Tensor:
    """Give the embeddings (N, E) of inputs; the inputs themselves where no model offers any."""
    if model is None or Offer.EMBEDDINGS not in model.spec.offers:
        return x.flatten(1)
    return torch.cat([model.embed(part).flatten(1) for part in torch.split(x, BATCH)])


def _scores(model: Model, x: Tensor) -> Tensor:
    return torch.cat([model(part).log_softmax(1) for part in torch.split(x, BATCH)])


def _arranged(
    pool: Pool, needs: frozenset[str], seed: int, generator: torch.Generator
) -> tuple[Pool, Tensor]:
    """Put items in a random order that depends on what they are; give their places, too.

    Only among items that are alike in every number does the order depend on where they stood.
    Embeddings that nobody needs stay behind.
    """
    word = row_words(seed, pool.embeddings)
    word = word if pool.scores is None else word + row_words(seed + 1, pool.scores)
    word = word if pool.members is None else word + row_words(seed + 2, pool.members[0])
    luck = torch.randperm(len(pool), generator=generator).to(pool.embeddings.device)
    order = luck[word[luck].argsort(stable=True)]
    if "embeddings" not in needs:
        pool = replace(pool, embeddings=pool.embeddings[:, :0], known=pool.known[:, :0])
        return pool.take(order), order
    labelled = row_words(seed, pool.known) + row_words(seed + 1, pool.known_classes[:, None])
    known = labelled.argsort(stable=True)
    pool = replace(pool, known=pool.known[known], known_classes=pool.known_classes[known])
    return pool.take(order), order


def _sure_words(x: Tensor) -> Tensor:
    """Give each row (N, …) a word (N,), the same to equal rows and to no others.

    A block at a time, as hashing takes several times the memory of what is hashed.
    """
    return torch.cat([Streams.of_inputs(0, block).keys for block in torch.split(x, BATCH)])
