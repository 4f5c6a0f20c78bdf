from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.guards.votes import Voting
from roadworthy.images.mixes import Mixes, MixSettings


@dataclass(frozen=True)
class AugMixViews(MixSettings, Guard):
    """AugMix views: the mean of the model's answers to an image and to changed mixes of it.

    Claims that errors which a corruption causes differ from view to view, so that the mean has
    fewer of them. What it gains is small, most of it against changed contrast, which some views
    undo; a model that was trained with `augmix` keeps its gain from that. It is no defense against
    attacks: the views are known, and the mean of the probabilities over them has a gradient.

    Source: the views are those of Hendrycks et al. 2019, arXiv:1912.02781, section 3; the mean over
    changed copies at test time that of Krizhevsky, Sutskever and Hinton 2012, section 4.1.
    Differs from the paper: there views are for training only. They are drawn once, not for each
    image, so that answers do not change from call to call or with the batch.

    Args:
        severity: from 0 to 10, the largest strength of a change.
        width: chains that are mixed.
        depth: most changes in a chain; at least one.
        alpha: of the Dirichlet and Beta distributions that weights of the mix are drawn from.
        views: how many, the image itself among them; each is a pass of the model.
    """

    views: int = 16

    card = Card(
        "augmix-views",
        "Mean answer over AugMix views",
        aliases=("test-time-augmix", "test-time-augmentation"),
        paper="arxiv:1912.02781",
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        if self.views < 1:
            raise InputError(f"augmix-views takes at least one view, not {self.views}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            mixes = self.drawn(self.views)
        mixes.share[0] = 0  # this view is the image itself
        return vars(mixes)

    def wrap(self, model: Model, learned: Learned) -> Model:
        return Viewed(model, Mixes(**learned), repr(self))


class Viewed(Voting):
    """A model that answers by its mean probability over mixes of an image.

    Args:
        model: answers for each of them.
        mixes: the same for every image.
        identity: the settings, for the fingerprint.
    """

    def __init__(self, model: Model, mixes: Mixes, identity: str) -> None:
        name = AugMixViews.card.name
        super().__init__(model, len(mixes.share), name, identity, is_random=False)
        self.mixes, self.identity = mixes, identity

    def changed(self, x: Tensor, places: range) -> Tensor:
        which = torch.tensor(places).repeat_interleave(len(x))
        copies = x.repeat(len(places), *[1] * (x.ndim - 1))
        return self.mixes.take(which).of(copies).reshape(len(places), *x.shape)

    def count(self, outputs: Tensor) -> Tensor:
        return outputs.softmax(2).sum(0)

    def answer(self, votes: Tensor) -> Tensor:
        return (votes / self.copies).clamp_min(torch.finfo(votes.dtype).tiny).log()

    def around(self, model: Model) -> "Viewed":
        return Viewed(model, self.mixes, self.identity)
