from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from roadworthy.attacks.boundaries import class_pairs, margin_of
from roadworthy.attacks.threats.deformation import Deformation, slopes
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample


@dataclass(frozen=True)
class ADef(EvasionAttack):
    """ADef: deforms the image little by little until the class changes.

    To first order a small displacement tau changes the logits by its product with the image's
    slopes and the model's gradient. The smallest smooth tau that would cross the nearest boundary
    has a closed form; it is added to the deformation so far, and so on.

    Threat model: white box, deformation of images, minimal; targeted or not.
    Cost: per step one forward pass and a gradient per candidate class; a sample that succeeds
    stops; nine forward passes to shorten and verify.
    Source: Alaifari et al. 2018, arXiv:1804.07729, algorithm 1.
    Differs from the paper: the displacements are added up and the original is deformed once by
    their sum, where the paper deforms the last image again, which blurs it; slopes are taken half a
    pixel to each side of where a pixel reads, and no step is longer than `longest`, as slopes hold
    only nearby; the driver shortens the result in proportion.

    Args:
        steps: at most so many.
        sigma: width of the Gaussian that smooths the displacements, in pixels; 0 for none.
        overshoot: how much farther than the linear model's boundary a step goes, as a share.
        longest: longest displacement of one step, in pixels.
        candidates: the likeliest wrong classes whose boundaries are compared.
    """

    steps: int = 100
    sigma: float = 0.5
    overshoot: float = 0.1
    longest: float = 1.0
    candidates: int = 5

    card = Card("adef", "Adversarial deformations", paper="arxiv:1804.07729")
    threats = frozenset({"deformation"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    takes_images_only = True

    def passes_ahead(self, step: int) -> int:
        return 1 + self.candidates

    def step(self, model: Model, state: State, look: Look, threat: Deformation) -> State:
        count, _, height, width = state.x.shape
        deformation = state.theta.reshape(count, 2, height, width)
        slope = slopes(state.origin, deformation)
        nearest = torch.full_like(state.sign, float("inf"))
        best = torch.zeros_like(deformation)
        pairs = class_pairs(state, look.logits, self.candidates)
        for index, (own, other) in enumerate(pairs):  # one gradient per class
            lead = margin_of(own, other)
            gradient = look.gradient(lead, again=index + 1 < len(pairs))
            alpha = (slope * gradient[:, None]).sum(2)
            smooth = _blurred(alpha, self.sigma)
            power = smooth.flatten(1).square().sum(1)
            share = -(1 + self.overshoot) * lead(look.logits) / power.clamp_min(1e-30)
            tau = per_sample(share, alpha) * _blurred(smooth, self.sigma)
            size = threat.measure(state.x, tau.flatten(1))
            is_nearer = size < nearest
            nearest = torch.where(is_nearer & (power > 0), size, nearest)
            best = torch.where(per_sample(is_nearer & (power > 0), tau), tau, best)
        held = (self.longest / nearest.clamp_min(1e-30)).clamp_max(1)
        best = torch.where(per_sample(nearest.isfinite(), best), best * per_sample(held, best), 0)
        return replace(state, theta=state.theta + best.flatten(1))


def _blurred(field: Tensor, sigma: float) -> Tensor:
    """Smooth fields (N, 2, H, W); beyond the border they are 0, so that it is self-adjoint."""
    if sigma == 0:
        return field
    radius = max(1, round(4 * sigma))
    place = torch.arange(-radius, radius + 1, dtype=field.dtype, device=field.device)
    weight = (-0.5 * (place / sigma).square()).exp()
    weight = weight / weight.sum()
    flat = field.flatten(0, 1)[:, None]
    flat = functional.conv2d(flat, weight.reshape(1, 1, -1, 1), padding=(radius, 0))
    flat = functional.conv2d(flat, weight.reshape(1, 1, 1, -1), padding=(0, radius))
    return flat.reshape(field.shape)
