from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from roadworthy.attacks.decisions import pick
from roadworthy.attacks.parameters import drawn, leads
from roadworthy.attacks.threats.rotation_translation import RotationTranslation
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model, Offer


@dataclass(frozen=True)
class Spatial(EvasionAttack):
    """Rotation and translation: turns and shifts the image until the model errs.

    Tries every shift of a grid at one angle after the other, the largest angles first, or draws at
    random. There is no gradient to follow: the loss over angle and shift is full of local maxima.

    Threat model: black box with scores, rotation-translation, fixed budget; targeted or not.
    Cost: at most `steps` times `shifts` squared queries per sample, and one per step to check the
    best of them; a random search takes `shifts` squared draws a step too. A sample that succeeds
    stops.
    Source: Engstrom et al. 2017, arXiv:1712.02779 (grid search, worst of k).
    Differs from the paper: a sample leaves at the first step with a success, not after all.

    Args:
        steps: angles of the grid, or rounds of a random search.
        shifts: shifts of the grid along each axis.
        search: `grid`, or `random` for the worst of `steps` times `shifts` squared draws.
    """

    steps: int = 31
    shifts: int = 5
    search: Literal["grid", "random"] = "grid"

    card = Card(
        "spatial",
        "Rotation and translation",
        aliases=("STA", "rotation and translation"),
        paper="arxiv:1712.02779",
    )
    threats = frozenset({"rotation-translation"})
    needs = frozenset({Offer.SCORES})
    takes_images_only = True

    def __post_init__(self) -> None:
        if self.search not in ("grid", "random"):
            raise InputError(f"search must be grid or random, not {self.search!r}")

    def passes_ahead(self, step: int) -> int:
        return 1 + self.shifts**2

    def step(self, model: Model, state: State, look: Look, threat: RotationTranslation) -> State:
        if self.search == "grid":
            theta = self._grid(state, look.step, threat)
        else:
            theta = drawn(state, threat, self.shifts**2)
        ahead = leads(model, state, theta, threat)
        return replace(state, theta=pick(theta, ahead.argmin(1)))

    def _grid(self, state: State, step: int, threat: RotationTranslation) -> Tensor:
        """Give all shifts at one angle: (N, shifts², 3)."""
        low, high = threat.reach(state.origin)
        angle, *across = (
            torch.linspace(float(a), float(b), n, dtype=low.dtype, device=low.device)
            for a, b, n in zip(low, high, (self.steps, self.shifts, self.shifts), strict=True)
        )
        angle = angle[angle.abs().argsort(descending=True, stable=True)[step]]
        grid = torch.cartesian_prod(angle[None], *across)
        return grid.expand(len(state.x), -1, -1)
