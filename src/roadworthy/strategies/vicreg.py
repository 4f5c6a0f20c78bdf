from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import mse_loss

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.strategies.self_supervision import Pretext, SelfSupervision, twins, view_of
from roadworthy.training.plan import TrainPlan

EPS = 1e-4  # added to a variance


@dataclass(frozen=True)
class VICReg(SelfSupervision):
    """VICReg: two views of a row project alike, while each number varies and no two vary together.

    Three terms: the squared distance of the views; how much each number's standard deviation over
    the batch falls short of 1; the squared covariances between numbers. Each view is held to the
    last two by itself.

    Source: Bardes et al. 2022, arXiv:2105.04906, section 4.1, with the means and halves of the
    authors' code: the distance is averaged over the numbers, and the spread over the two views.
    Differs from the paper: a projector of `width` numbers where the paper has 8192, batches of 128
    where it has 2048, AdamW for LARS, views as `view_of` makes them.

    Args:
        epochs: of the pre-training; in the paper 1000.
        batch: rows per step of the pre-training.
        rate: learning rate at the start of the pre-training.
        crop: share of an image's area that a view shows at least.
        width: numbers of the projection.
        invariance: weight of the distance of the views (lambda in the paper).
        variance: weight of the spread (mu).
        covariance: weight of the covariances (nu).
    """

    crop: float = 0.3
    width: int = 256
    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0

    card = Card(
        "vicreg",
        "Variance-invariance-covariance regularization",
        paper="arxiv:2105.04906",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"

    def pretext(self, plan: TrainPlan) -> Pretext:
        weights = (self.invariance, self.variance, self.covariance)
        if min(weights) < 0 or self.width < 2:
            raise InputError(
                "vicreg takes a width of at least 2 and weights of at least 0, not "
                f"{self.width} and {', '.join(map(str, weights))}"
            )
        return twins(view_of(plan.data, self.crop), self.width, self.loss)

    def loss(self, first: Tensor, second: Tensor) -> Tensor:
        """Weigh the three terms of projections (N, width) of two views."""
        weights = (self.invariance, self.variance, self.covariance)
        terms = (
            mse_loss(first, second),
            (shortfall(first) + shortfall(second)) / 2,
            covariances(first) + covariances(second),
        )
        return sum(weight * term for weight, term in zip(weights, terms, strict=True))


def shortfall(z: Tensor) -> Tensor:
    """Say how much the standard deviations of the numbers (N, D) fall short of 1, on average."""
    return (1 - (z.var(0) + EPS).sqrt()).relu().mean()


def covariances(z: Tensor) -> Tensor:
    """Sum the squared covariances between different numbers (N, D), per number."""
    centered = z - z.mean(0)
    covariance = centered.T @ centered / (len(z) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]
