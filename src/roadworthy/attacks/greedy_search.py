from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import pick
from roadworthy.attacks.parameters import drawn, leads, strongest
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.model import Model
from roadworthy.core.threat import Transformation


@dataclass(frozen=True)
class SearchState(State):
    """Where the searches stand.

    Args:
        kept: the best parameters of each of K searches, (N, K, P).
        ahead: by how much the model is ahead there, (N, K).
    """

    kept: Tensor
    ahead: Tensor


@dataclass(frozen=True)
class GreedySearch(EvasionAttack):
    """Search a transformation's parameters from several random starts at once.

    At every step each search moves some of its parameters and keeps what brings the model closer
    to an error. The first candidates are as large as they may be. The searches of all samples are
    asked about together.

    Args:
        steps: queries of each search.
        restarts: searches per sample.
        reach: longest move, as a share of a parameter's range.
    """

    steps: int = 40
    restarts: int = 5
    reach: float = 0.2

    def passes_ahead(self, step: int) -> int:
        return 1 + self.restarts

    def start(self, model: Model, state: State, threat: Transformation) -> State:
        kept = strongest(drawn(state, threat, self.restarts), state, threat)
        ahead = torch.full_like(kept[:, :, 0], float("inf"))
        return state.extended(SearchState, kept=kept, ahead=ahead)

    def step(self, model: Model, state: SearchState, look: Look, threat: Transformation) -> State:
        theta = state.kept if look.step == 0 else self._moved(state, threat)
        ahead = leads(model, state, theta, threat)
        is_better = ahead < state.ahead
        kept = torch.where(is_better[:, :, None], theta, state.kept)
        ahead = torch.where(is_better, ahead, state.ahead)
        return replace(state, theta=pick(kept, ahead.argmin(1)), kept=kept, ahead=ahead)

    def _moved(self, state: SearchState, threat: Transformation) -> Tensor:
        """Move about half of the parameters of each search: (N, K, P)."""
        low, high = threat.reach(state.origin)
        shape, kind = state.kept.shape[1:], state.kept.dtype
        is_moved = state.streams.uniform(shape, kind) < 0.5
        length = self.reach * (2 * state.streams.uniform(shape, kind) - 1)
        moved = state.kept + is_moved * length * (high - low)
        return torch.minimum(torch.maximum(moved, low), high)
