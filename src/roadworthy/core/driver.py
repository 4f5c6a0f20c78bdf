import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.core.attack import AttackResult, EvasionAttack, Look, Reason, State
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model, Offer, require
from roadworthy.core.progress import Progress, Silent
from roadworthy.core.shapes import per_sample
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Ball

HALVINGS = 8  # of the segment from an adversarial input to its origin: to 0.4 % of its length


@dataclass(frozen=True)
class Limits:
    """What an attack may use; None means no limit.

    Args:
        passes: forward and backward passes per sample, verification included.
        seconds: time for the whole run.
        batch: samples attacked at a time.
    """

    passes: int | None = None
    seconds: float | None = None
    batch: int = 512


def run_attack(
    attack: EvasionAttack,
    model: Model,
    x: Tensor,
    y: Tensor,
    threat: Ball,
    *,
    target: Tensor | None = None,
    bounds: tuple[Tensor, Tensor] | None = None,
    ids: Tensor | None = None,
    limits: Limits = Limits(),
    seed: int = 0,
    progress: Progress | None = None,
) -> AttackResult:
    """Attack each sample on its own and verify what comes out.

    Samples that are already wrong are left out; those that are finished leave the batch; the best
    candidate counts, the last one included; box, norm and label are checked again at the end. A
    sample's result depends on the seed and its id, not on the batch it sits in.

    Args:
        attack: proposes candidates.
        model: is attacked; passes are counted on it.
        x: (N, …) inputs.
        y: (N,) true classes.
        threat: what the attacker may do.
        target: (N,) classes to reach; None means any wrong one.
        bounds: lower and upper bound of valid inputs; 0 and 1 by default.
        ids: (N,) whole numbers that name the samples; their place in `x` by default.
        limits: what may be used.
        seed: of every random number.
        progress: where to say how far the work is.

    Raises:
        InputError: the attack does not know the threat model.
        NotAssessed: the model does not offer what the attack needs.
    """
    if not len(x):
        raise InputError("there is no input to attack")
    if threat.norm not in attack.threats:
        known = " and ".join(sorted(attack.threats))
        raise InputError(f"{attack.card.name} attacks within {known}, not {threat.norm}")
    require(model, attack.needs)
    _check_passes(attack, limits)
    x = x.detach()
    state = _first_state(x, y, target, bounds, Streams.of(seed, _default_ids(ids, x)))
    stop_at = None if limits.seconds is None else time.monotonic() + limits.seconds
    shown = progress or Silent()
    parts = []
    for first in range(0, len(x), limits.batch):  # chunks bound the memory
        rows = torch.arange(first, min(first + limits.batch, len(x)), device=x.device)
        run = _Run(attack, model, threat, state.take(rows), y[rows], target is not None)
        tell = _part_of(shown, first / len(x), len(rows) / len(x))
        parts.append(run.drive(limits.passes, stop_at, tell))
    columns = ([getattr(p, f.name) for p in parts] for f in dataclasses.fields(AttackResult))
    return AttackResult(*(torch.cat(column) for column in columns))


def _check_passes(attack: EvasionAttack, limits: Limits) -> None:
    least = 2 + _reserve(attack)
    if limits.passes is not None and limits.passes < least:
        raise InputError(f"{attack.card.name} needs at least {least} passes per sample")


def _reserve(attack: EvasionAttack) -> int:
    """Give the passes that are kept back to shorten and to verify what was found."""
    return 1 + HALVINGS * attack.is_minimal


def _part_of(progress: Progress, start: float, share: float) -> Callable[[float], None]:
    return lambda done: progress.advance(start + done * share)


def _default_ids(ids: Tensor | None, x: Tensor) -> Tensor:
    return torch.arange(len(x), device=x.device) if ids is None else ids.to(x.device)


def _first_state(
    x: Tensor,
    y: Tensor,
    target: Tensor | None,
    bounds: tuple[Tensor, Tensor] | None,
    streams: Streams,
) -> State:
    low, high = bounds if bounds is not None else (torch.tensor(0.0), torch.tensor(1.0))
    sign = torch.full((len(x),), 1.0 if target is None else -1.0, dtype=x.dtype, device=x.device)
    return State(
        x=x,
        origin=x,
        y=y if target is None else target,
        sign=sign,
        # an input that lies outside the usual bounds may stay where it is
        low=torch.minimum(low.to(x), x),
        high=torch.maximum(high.to(x), x),
        streams=streams,
    )


class _Run:
    """One batch on its way; the result's tensors are filled in as samples finish."""

    def __init__(
        self,
        attack: EvasionAttack,
        model: Model,
        threat: Ball,
        state: State,
        y: Tensor,
        is_targeted: bool,
    ) -> None:
        self.attack, self.model, self.threat = attack, model, threat
        self.first, self.y, self.is_targeted = state, y, is_targeted
        x = state.origin
        zeros = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        self.best = x.clone()
        self.distance = torch.full((len(x),), float("inf"), dtype=x.dtype, device=x.device)
        self.forward, self.backward = zeros.clone(), zeros.clone()
        self.steps, self.zero_steps = zeros.clone(), zeros.clone()
        self.reason = torch.full_like(zeros, int(Reason.BUDGET))

    def drive(
        self, passes: int | None, stop_at: float | None, tell: Callable[[float], None]
    ) -> AttackResult:
        """Attack, shorten, verify."""
        alive = self._leave_out_wrong()
        if len(alive):
            self._attack(alive, passes, stop_at, tell)
        found = (self.distance.isfinite() & (self.reason != Reason.ALREADY_WRONG)).nonzero()[:, 0]
        if self.attack.is_minimal and len(found):
            self._search_segment(found)
        if len(found):
            self._verify(found)
        is_blind = (self.steps > 0) & (self.zero_steps == self.steps)
        failed = self.reason > Reason.SUCCESS
        self.reason[is_blind & failed] = int(Reason.MASKED_GRADIENT)
        return AttackResult(
            x=self.best,
            success=self.reason <= Reason.SUCCESS,
            distance=self.distance,
            reason=self.reason,
            forward=self.forward,
            backward=self.backward,
            zero_gradient=self.zero_steps / self.steps.clamp_min(1),
        )

    def _leave_out_wrong(self) -> Tensor:
        with torch.no_grad():
            choice = self.model(self.first.origin).argmax(1)
        self.forward += 1
        is_wrong = choice == self.first.y if self.is_targeted else choice != self.y
        self.reason[is_wrong] = int(Reason.ALREADY_WRONG)
        self.distance[is_wrong] = 0
        return (~is_wrong).nonzero()[:, 0]

    def _attack(
        self,
        alive: Tensor,
        passes: int | None,
        stop_at: float | None,
        tell: Callable[[float], None],
    ) -> None:
        uses_gradient = self.attack.needs == Offer.GRADIENTS
        before = self._passes()
        state = self._held(self.attack.start(self.model, self.first.take(alive), self.threat))
        self._share_out(alive, before)
        for step in range(self.attack.steps + 1):
            before = self._passes()
            is_last = step == self.attack.steps
            look = Look(self.model, state.x, uses_gradient and not is_last)
            is_done = self._judge(alive, state, look.logits)
            self._share_out(alive, before)
            if passes is not None:
                spent = self.forward[alive] + self.backward[alive]
                ahead = 1 + uses_gradient + _reserve(self.attack)
                is_done = is_done | (spent + ahead > passes)
            looked = alive
            if is_done.any():
                alive, state = alive[~is_done], state.take(~is_done)
                look.keep(~is_done)
            tell(step / self.attack.steps)
            is_late = stop_at is not None and time.monotonic() > stop_at
            if is_last or is_late or not len(alive):
                return
            state = self._step(looked, alive, state, look)

    def _step(self, looked: Tensor, alive: Tensor, state: State, look: Look) -> State:
        before, last = self._passes(), state.x
        state = self._held(self.attack.step(self.model, state, look, self.threat))
        # a backward pass goes through all that were looked at, also those that just finished
        self._share_out(looked, before)
        self.steps[alive] += 1
        self.zero_steps[alive] += look.zero_gradient
        # a random search may propose the same again; only a gradient's step can be stuck
        if self.attack.needs == Offer.GRADIENTS:
            is_still = (state.x == last).flatten(1).all(1)
            self.reason[alive] = torch.where(is_still, int(Reason.STALLED), int(Reason.BUDGET))
        return state

    def _held(self, state: State) -> State:
        """Bring candidates into the ball, where the budget is fixed, and into the box."""
        x = state.x
        if not self.attack.is_minimal:
            delta = self.threat.project(x - state.origin)
            x = state.origin + delta
            # far from zero, adding rounds by more than the ball allows: one number back is inside
            is_beyond = (x - state.origin).abs() > delta.abs()
            x = torch.where(is_beyond, torch.nextafter(x, state.origin), x)
        return replace(state, x=state.box(x))

    def _is_reached(self, logits: Tensor, y: Tensor) -> Tensor:
        """Say of logits (N, K) whether they are what the attacker wants; NaN never is."""
        # a tie is no success: another machine may round it the other way
        rest = logits.scatter(1, y[:, None], float("-inf")).amax(1)
        own = logits.gather(1, y[:, None])[:, 0]
        return own > rest if self.is_targeted else own < rest

    def _is_allowed(self, delta: Tensor) -> Tensor:
        if self.attack.is_minimal:
            return self.threat.distance(delta).isfinite()
        return self.threat.contains(delta)

    def _judge(self, alive: Tensor, state: State, logits: Tensor) -> Tensor:
        """Remember candidates that succeed and are the nearest so far; say who is finished."""
        delta = state.x - state.origin
        distance = self.threat.distance(delta)
        reached = self._is_reached(logits, state.y) & self._is_allowed(delta)
        better = reached & (distance < self.distance[alive])
        self.best[alive[better]] = state.x[better]
        self.distance[alive[better]] = distance[better]
        return torch.zeros_like(reached) if self.attack.is_minimal else reached

    def _passes(self) -> tuple[int, int]:
        return self.model.passes.forward, self.model.passes.backward

    def _share_out(self, alive: Tensor, before: tuple[int, int]) -> None:
        """Charge the passes made since `before` to the samples that were in the batch."""
        forward, backward = self._passes()
        self.forward[alive] += round((forward - before[0]) / len(alive))
        self.backward[alive] += round((backward - before[1]) / len(alive))

    def _search_segment(self, rows: Tensor) -> None:
        """Move successes along the line to their origin, as near as they stay successful."""
        state, far = self.first.take(rows), self.best[rows]
        low = torch.zeros(len(rows), dtype=far.dtype, device=far.device)
        high = torch.ones_like(low)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            share = per_sample(middle, far)
            x = state.box(state.origin + share * (far - state.origin))
            with torch.no_grad():
                reached = self._is_reached(self.model(x), state.y)
            self.forward[rows] += 1
            high, low = torch.where(reached, middle, high), torch.where(reached, low, middle)
            self.best[rows[reached]] = x[reached]
        self.distance[rows] = self.threat.distance(self.best[rows] - state.origin)

    def _verify(self, rows: Tensor) -> None:
        """Judge label, box and norm of the final inputs once more, by a pass of their own."""
        state, x = self.first.take(rows), self.best[rows]
        with torch.no_grad():
            reached = self._is_reached(self.model(x), state.y)
        self.forward[rows] += 1
        in_box = (x == state.box(x)).flatten(1).all(1)
        holds = reached & in_box & self._is_allowed(x - state.origin)
        self.reason[rows[holds]] = int(Reason.SUCCESS)
        self.best[rows[~holds]] = state.origin[~holds]
        self.distance[rows[~holds]] = float("inf")
