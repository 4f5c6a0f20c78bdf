from dataclasses import dataclass

import numpy as np
import torch
from scipy import special
from torch import Tensor
from torch.nn.functional import one_hot

from roadworthy.core.model import Model
from roadworthy.core.streams import Streams

TOGETHER = 100  # noisy copies of a sample per pass; fixed, so that its numbers are its own
AT_ONCE = 1 << 15  # numbers that the noisy inputs of one pass hold: more leave the cache
ABSTAINS = -1


@dataclass(frozen=True)
class Certification:
    """Radii within which a smoothed model provably answers the same: randomized smoothing.

    A few noisy copies choose the class, others estimate its share of the votes; the lower end of
    that estimate's exact one-sided interval gives the radius. It abstains where the lower end is
    not above 1/2. The radius of a sample is wrong with a chance of at most `alpha`, over the noise.
    A sample's noise depends on the seed and its number alone, not on the batch.

    Source: Cohen, Rosenfeld and Kolter 2019, arXiv:1902.02918, CERTIFY; Clopper and Pearson 1934,
    doi:10.1093/biomet/26.4.404.

    Args:
        selection: copies that choose the class (n0 in the paper).
        estimation: copies that estimate its share (n in the paper, there 100,000); the largest
            possible radius grows with their number.
        alpha: chance that a certificate is wrong.
    """

    selection: int = 100
    estimation: int = 1000
    alpha: float = 0.001

    def certify(
        self, model: Model, x: Tensor, sigma: float, unit: Tensor, ids: Tensor, seed: int
    ) -> "SmoothingCertificate":
        """Certify the smoothed model's answers on samples.

        Args:
            model: votes; the model without the noise.
            x: (N, …).
            sigma: standard deviation of the noise, in units.
            unit: one unit of each feature, broadcastable to one input; 0 where no noise is added.
            ids: (N,) numbers of the samples, for their noise.
            seed: of the noise.
        """
        spread, parts = (sigma * unit).to(x), []
        rows = max(1, AT_ONCE // (TOGETHER * max(1, x[0].numel())))
        for some in torch.arange(len(x), device=x.device).split(rows):
            noise = _generators(seed, ids[some.cpu()], x.device)
            top = _count(model, x[some], spread, noise, self.selection).argmax(1)
            votes = _count(model, x[some], spread, noise, self.estimation)
            parts.append((top, votes.gather(1, top[:, None])[:, 0]))
        top, hits = (torch.cat(column) for column in zip(*parts, strict=True))
        share = least_share(hits.cpu().numpy(), self.estimation, self.alpha)
        radius = sigma * special.ndtri(np.maximum(share, 0.5))
        return SmoothingCertificate(
            choice=torch.where(torch.from_numpy(share > 0.5).to(top.device), top, ABSTAINS),
            radius=torch.from_numpy(radius),
        )


@dataclass(frozen=True, eq=False)
class SmoothingCertificate:
    """What was certified.

    Args:
        choice: (N,) the smoothed model's class, -1 where it abstains.
        radius: (N,) L2 radius in units, within which the class stays; 0 where it abstains.
    """

    choice: Tensor
    radius: Tensor


def least_share(successes: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """Give the lower ends (N,) of exact one-sided intervals of shares: below them with alpha."""
    some = np.maximum(successes, 1)  # the formula has no value for no success
    lower: np.ndarray = special.betaincinv(some, n - some + 1, alpha)
    return np.where(successes == 0, 0.0, lower)


def _generators(seed: int, ids: Tensor, device: torch.device) -> list[torch.Generator]:
    """Make one for each sample: they draw normal numbers much faster than `Streams`."""
    keys = Streams.of(seed, ids).keys
    return [torch.Generator(device).manual_seed(key) for key in keys.tolist()]


@torch.no_grad()
def _count(
    model: Model, x: Tensor, spread: Tensor, noise: list[torch.Generator], copies: int
) -> Tensor:
    """Count the votes (N, K) on noisy copies."""
    votes = 0
    for done in range(0, copies, TOGETHER):  # in pieces, so that memory stays bounded
        shape = (min(TOGETHER, copies - done), *x.shape[1:])
        drawn = [torch.randn(shape, generator=own, dtype=x.dtype, device=x.device) for own in noise]
        outputs = model((x[:, None] + spread * torch.stack(drawn)).flatten(0, 1))
        choice = outputs.argmax(1).reshape(len(x), -1)
        votes = votes + one_hot(choice, outputs.shape[1]).sum(1)
    return votes
