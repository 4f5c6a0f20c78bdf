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
from roadworthy.verification.bands import certified_against_patches, keep_band


@dataclass(frozen=True)
class PatchSmoothing(Guard):
    """Derandomized smoothing against patches: each band of columns votes, and the most votes win.

    Claims a guarantee against anything that covers a few neighboring columns, such as a sticker of
    whatever height: it can only change the votes of the bands that it touches, and where the lead
    is larger the answer stays. Nothing is random, and `certify` is exact about what votes can do.
    It assumes a model that knows images from a single band, so one that was trained by
    `band-ablation` with the same width. It claims nothing about changes all over the image. An
    answer costs as many passes as an image has columns.

    Votes have no gradient. The way around is the gradient of the bands' mean probabilities, which
    attacks take by themselves.

    Source: Levine and Feizi 2020, arXiv:2002.10733, section 3.2 (band smoothing).
    Differs from the paper: pixels that are left out are a middle grey instead of extra channels, so
    that any model can be guarded; the certificate looks at where the patch lies.

    Args:
        band: columns of a band.
        share: probability from which on a band votes for a class; it may vote for several or none.
    """

    band: int = 4
    share: float = 0.3

    card = Card(
        "patch-smoothing",
        "Smoothing against patches",
        aliases=("derandomized-smoothing", "band-smoothing"),
        paper="arxiv:2002.10733",
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        columns = rows.x.shape[3]
        if not 1 <= self.band <= columns:
            raise InputError(f"a band has 1 to {columns} columns of the images, not {self.band}")
        return {}

    def wrap(self, model: Model, learned: Learned) -> Model:
        return Banded(model, self)

    @torch.no_grad()
    def certify(self, model: Model, x: Tensor, y: Tensor, size: int) -> Tensor:
        """Say on which images (N, …) the guarded model answers y (N,) under any patch.

        Args:
            model: votes; the model without the guard.
            x: (N, C, H, W).
            y: (N,) classes.
            size: columns that the patch covers.

        Returns:
            (N,) bool.
        """
        banded = Banded(model, self)
        votes = torch.cat([banded.votes(x, places) for places in banded.pieces(x)])
        return certified_against_patches(votes.movedim(0, 1), y, size, self.band)


class Banded(Voting):
    """A model that answers by votes on the bands of an image.

    Args:
        model: votes.
        guard: says how wide a band is, and when it votes.
    """

    def __init__(self, model: Model, guard: PatchSmoothing) -> None:
        columns = model.spec.input_shape[2]
        super().__init__(model, columns, guard.card.name, repr(guard), is_random=False)
        self.guard = guard

    def changed(self, x: Tensor, places: range) -> Tensor:
        first = torch.tensor(places, device=x.device).repeat_interleave(len(x))
        bands = keep_band(x.repeat(len(places), 1, 1, 1), first, self.guard.band)
        return bands.reshape(len(places), *x.shape)

    def votes(self, x: Tensor, places: range) -> Tensor:
        """Say which classes some bands vote for: (bands, N, K) bool."""
        return self._outputs(x, places).softmax(2) >= self.guard.share

    def count(self, outputs: Tensor) -> Tensor:
        return (outputs.softmax(2) >= self.guard.share).sum(0)

    def around(self, model: Model) -> "Banded":
        return Banded(model, self.guard)
