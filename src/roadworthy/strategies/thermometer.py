from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.core.shapes import per_sample
from roadworthy.networks import Part
from roadworthy.networks.thermometer import Thermometer
from roadworthy.strategies.worst_case import rising
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class ThermometerEncoding(Strategy):
    """Thermometer encoding: each pixel becomes a code of zeros and ones, without a derivative.

    Claims that codes break the linearity that attacks use, most of all when trained on attacks on
    the codes themselves (LS-PGA). Attacks that put a smooth code's derivative in its place get
    through: what remains is what adversarial training alone would give, or less.

    Source: Buckman et al. 2018, openreview:S18Su--CW; broken by Athalye et al. 2018,
    arXiv:1802.00420.
    Differs from the paper: the first epochs raise the radius from 0, without which training on
    radii such as 0.1 may fail; the temperature falls by the same factor for any number of steps.

    Args:
        levels: that a value can have.
        is_adversarial: learn from LS-PGA's attacks, which costs `steps` + 1 times the training.
        eps: radius of these in L-inf.
        steps: of these.
        step: length of each, in logits of levels.
        cooling: what the temperature of the levels' weights is divided by at each step.
        warm_up: share of the training during which the radius rises.
    """

    levels: int = 16
    is_adversarial: bool = False
    eps: float = 8 / 255
    steps: int = 7
    step: float = 1.0
    cooling: float = 1.2
    warm_up: float = 0.2

    card = Card(
        "thermometer",
        "Thermometer encoding",
        aliases=("te", "thermometer-encoding", "thermometer-enc"),
        paper="openreview:S18Su--CW",
        cost="minutes",
        safety="retrains",
    )
    kinds = frozenset({"image"})

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if self.levels < 2:
            raise InputError(f"a thermometer takes at least 2 levels, not {self.levels}")
        _, body, *rest = plan.parts
        wider = {
            name: value * self.levels if name in ("channels", "inputs") else value
            for name, value in body.settings.items()
        }
        parts = (Part("thermometer", {"levels": self.levels}), replace(body, settings=wider), *rest)
        if self.is_adversarial:
            plan = plan.set(self.card.name, objective=self.loss)
        return plan.set(self.card.name, parts=parts)

    def loss(self, network: nn.Sequential, batch: Batch) -> Tensor:
        """Give the loss at the codes that LS-PGA finds."""
        return batch.loss(network[1:](self.attack(network, batch)))

    def attack(self, network: nn.Sequential, batch: Batch) -> Tensor:
        """Give codes (N, C · levels, H, W) near those of a batch that raise the loss: LS-PGA.

        It climbs in logits of the levels that lie within the radius, weighs the levels by them at
        a falling temperature, and takes the likeliest level in the end.
        """
        first = network[0]
        assert isinstance(first, Thermometer)
        radius = per_sample(rising(self.eps, batch, self.warm_up), batch.x)
        lowest = first.quantize(batch.x - radius)[..., None]
        highest = first.quantize(batch.x + radius)[..., None]
        level = torch.arange(self.levels, device=batch.x.device)
        is_far = (level < lowest) | (level > highest)
        logits = torch.randn(is_far.shape, dtype=batch.x.dtype, device=batch.x.device)
        temperature = 1.0
        for _ in range(self.steps):
            logits = logits.detach().requires_grad_()
            weights = (logits.masked_fill(is_far, -torch.inf) / temperature).softmax(-1)
            loss = batch.loss(network[1:](first.encode(weights)), "sum")
            (gradient,) = torch.autograd.grad(loss, logits)
            logits = logits.detach() + self.step * gradient.sign()
            temperature /= self.cooling
        likeliest = logits.masked_fill(is_far, -torch.inf).argmax(-1)
        return first.encode(one_hot(likeliest, self.levels).to(batch.x.dtype))
