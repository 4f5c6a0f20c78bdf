from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.detector import Detector
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Learned
from roadworthy.core.model import Model, Offer

BATCH = 512


@dataclass(frozen=True)
class MahalanobisDetector(Detector):
    """Detection by Mahalanobis distance: who is far from each class inside the model is suspicious.

    The model's embeddings of each class are taken as normal with a mean of their own and one
    covariance. The score is the smallest squared Mahalanobis distance to a mean. It claims that
    adversarial inputs, and those of other kinds than trained on, lie far from all classes. The
    distance is differentiable, so an attack can keep it small; what is measured on inputs made
    without knowing of it says nothing of that.

    Source: Lee et al. 2018, arXiv:1807.03888, section 2.1; attacks on detectors of this kind:
    Carlini and Wagner 2017, arXiv:1705.07263.
    Differs from the paper: the last embedding only, no added noise on the input, and no regression
    that is fitted on adversarial inputs.

    Args:
        shrinkage: share of the covariance that a multiple of the identity takes over.
    """

    shrinkage: float = 0.01

    card = Card(
        "mahalanobis-detector",
        "Detection by Mahalanobis distance",
        aliases=("mahalanobis",),
        paper="arxiv:1807.03888",
    )

    def learn(self, model: Model, rows: Split, seed: int = 0) -> Learned:
        if Offer.EMBEDDINGS not in model.spec.offers:
            raise InputError(f"mahalanobis-detector needs embeddings; {model.spec.name} has none")
        if not 0 < self.shrinkage <= 1:
            raise InputError(f"the shrinkage is above 0 and at most 1, not {self.shrinkage}")
        with torch.no_grad():
            inside = torch.cat([model.embed(x) for x in rows.x.split(BATCH)]).double()
        classes = rows.y.unique()
        means = torch.stack([inside[rows.y == k].mean(0) for k in classes])  # few classes
        off = inside - means[torch.searchsorted(classes, rows.y)]
        covariance = off.T @ off / len(off)
        size = len(covariance)
        ridge = covariance.trace().clamp_min(1e-12) / size * torch.eye(size).to(off)
        mixed = (1 - self.shrinkage) * covariance + self.shrinkage * ridge
        # with the precision L Lᵀ, the distance of embeddings times L is the usual one
        whiten = torch.linalg.cholesky(torch.linalg.inv(mixed))
        return {"means": (means @ whiten).float(), "whiten": whiten.float()}

    def scores(self, model: Model, learned: Learned, x: Tensor) -> Tensor:
        means, whiten = (learned[name].to(x) for name in ("means", "whiten"))
        white = model.embed(x) @ whiten
        return (white[:, None] - means).square().sum(2).amin(1)
