import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.core.attack import AttackResult, EvasionAttack, Look, Reason, State, margin
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Threat

HALVINGS = 8  # of the way from an adversarial input to its origin: to 0.4 % of its length


@dataclass(frozen=True)
class Limits:
    """What an attack may use; None means no limit.

    Args:
        passes: forward and backward passes per sample, verification included.
        queries: forward passes per sample, verification included.
        seconds: time for the whole run.
        batch: samples attacked at a time.
    """

    passes: int | None = None
    queries: int | None = None
    seconds: float | None = None
    batch: int = 512


def reserve(attack: EvasionAttack) -> int:
    """Give the passes that are kept back to shorten and to verify what was found."""
    return 1 + HALVINGS * attack.is_minimal


def least_passes(attack: EvasionAttack) -> int:
    """Give the passes below which a run cannot make a step."""
    return attack.passes_ahead(0) + reserve(attack)


class Run:
    """One batch of samples on its way through an attack.

    The result's tensors are filled in as samples finish. Copies of a sample are as many rows apart
    as there are samples.

    Args:
        attack: proposes candidates.
        model: is attacked, and judges.
        source: gives the attack its looks and gradients; the model itself, or a surrogate.
        threat: what the attacker may do.
        state: the samples.
        y: (N,) true classes.
        copies: how many rows belong to each sample.
        goes_on: keep the most confident error instead of the first.
        takes_any: any wrong class will do, although the attack may aim at one.
        is_bounded: only what is within the budget counts, although the attack may look for the
            nearest error; the first such error ends it.
    """

    def __init__(
        self,
        attack: EvasionAttack,
        model: Model,
        source: Model,
        threat: Threat,
        state: State,
        y: Tensor,
        copies: int = 1,
        goes_on: bool = False,
        takes_any: bool = False,
        is_bounded: bool = False,
    ) -> None:
        self.attack, self.model, self.source, self.threat = attack, model, source, threat
        self.y, self.copies, self.goes_on = y, copies, goes_on
        self.takes_any = takes_any or not state.is_targeted
        self.is_minimal = attack.is_minimal and not is_bounded
        self.ends_at_success = attack.ends_at_success or is_bounded
        self.is_transfer = source is not model
        self.uses_gradient = Offer.GRADIENTS in attack.needs
        self.original = state
        if not attack.is_minimal:
            low, high = threat.tighten(state.origin, state.low, state.high)
            state = replace(state, low=low, high=high)
        self.first = state
        x = state.origin
        zeros = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        self.best, self.theta = x.clone(), state.theta.clone()
        self.distance = torch.full((len(x),), float("inf"), dtype=x.dtype, device=x.device)
        self.clean_margin = torch.zeros_like(self.distance)
        self.margin = torch.full_like(self.distance, float("-inf"))
        self.forward, self.backward = zeros.clone(), zeros.clone()
        self.steps, self.zero_steps = zeros.clone(), zeros.clone()
        self.reason = torch.full_like(zeros, int(Reason.BUDGET))
        self.most = -1  # how many samples the best universal change beats

    def drive(
        self, limits: Limits, stop_at: float | None, tell: Callable[[float], None]
    ) -> AttackResult:
        """Attack, shorten, verify."""
        look, alive = self._leave_out_wrong()
        if len(alive):
            self._attack(look, alive, limits, stop_at, tell)
        found = (self.distance.isfinite() & (self.reason != Reason.ALREADY_WRONG)).nonzero()[:, 0]
        if self.is_minimal and not self.is_transfer and len(found):
            self._shorten(found)
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
            clean_margin=self.clean_margin,
            margin=torch.maximum(self.margin, self.clean_margin),
            theta=self.theta,
        )

    def _leave_out_wrong(self) -> tuple[Look, Tensor]:
        """Look at the inputs themselves; give the look and the samples that are worth attacking."""
        look = Look(self.model, self.first.origin, self.uses_gradient and not self.is_transfer)
        self.forward += self.model.passes_per_call
        self.clean_margin = self._margin(look.logits, self.first.y)
        choice = look.logits.argmax(1)
        is_wrong = choice != self.y if self.takes_any else choice == self.first.y
        self.reason[is_wrong] = int(Reason.ALREADY_WRONG)
        self.distance[is_wrong] = 0
        return look, (~is_wrong).nonzero()[:, 0]

    def _attack(
        self,
        look: Look | None,
        alive: Tensor,
        limits: Limits,
        stop_at: float | None,
        tell: Callable[[float], None],
    ) -> None:
        before = self._passes()
        first = self.first if len(alive) == len(self.y) else self.first.take(alive)
        state = self._held(self.attack.start(self.source, first, self.threat))
        self._make_room(state.theta)
        self._share_out(alive, before)
        # the look at the inputs serves the first step too, where it starts from them
        is_same = len(alive) == len(self.y) and torch.equal(state.x, self.first.origin)
        if not is_same or self.is_transfer:
            look = None
        for step in range(self.attack.steps + 1):
            before, is_last = self._passes(), step == self.attack.steps
            if look is None:
                look = Look(self.source, state.x, self.uses_gradient and not is_last, step)
            is_done = self._judge(alive, state, look.logits)
            self._share_out(alive, before)
            is_done = is_done | state.finished | self._is_spent(alive, step, limits)
            looked = alive
            if is_done.any():
                self._check_transfer(alive[is_done], state.take(is_done))
                kept = (~is_done).nonzero()[:, 0]
                alive, state = alive[kept], state.take(kept)
                look.keep(kept)
            tell(step / max(1, self.attack.steps))
            is_late = stop_at is not None and time.monotonic() > stop_at
            if is_last or is_late or not len(alive):
                self._check_transfer(alive, state)
                return
            state = self._step(looked, alive, state, look)
            look = None

    def _make_room(self, theta: Tensor) -> None:
        """Keep parameters that an attack brings itself, where its threat has none."""
        if theta.shape[1] != self.theta.shape[1]:
            self.theta = theta.new_zeros(len(self.y), theta.shape[1])
            self.original = replace(self.original, theta=self.theta.clone())

    def _is_spent(self, alive: Tensor, step: int, limits: Limits) -> Tensor:
        """Say which samples (N,) cannot afford another step."""
        is_spent = torch.zeros(len(alive), dtype=torch.bool, device=alive.device)
        ahead = self.attack.passes_ahead(step) + reserve(self.attack)
        if limits.passes is not None:
            spent = self.forward[alive] + self.backward[alive]
            is_spent |= spent + ahead > limits.passes
        if limits.queries is not None:
            is_spent |= self.forward[alive] + ahead - int(self.uses_gradient) > limits.queries
        return is_spent

    def _step(self, looked: Tensor, alive: Tensor, state: State, look: Look) -> State:
        before, last = self._passes(), state
        state = self._held(self.attack.step(self.source, state, look, self.threat))
        # a look's gradient goes through all that were looked at, also those that just finished
        each = look.gradients * self.source.passes_per_call
        through_look = min(self._passes()[1] - before[1], each * len(looked))
        self.backward[looked] += through_look // len(looked)
        self._share_out(alive, (before[0], before[1] + through_look))
        self.steps[alive] += 1
        self.zero_steps[alive] += look.zero_gradient
        # a random search may propose the same again; only a gradient's step can be stuck
        if self.uses_gradient:
            is_still = (state.x - last.x).flatten(1).abs().amax(1) == 0
            self.reason[alive] = torch.where(is_still, int(Reason.STALLED), int(Reason.BUDGET))
        return state

    def _held(self, state: State) -> State:
        """Bring candidates to what is allowed, and into the box."""
        x, theta = self.threat.hold(
            state.origin, state.x, state.theta, is_bounded=not self.attack.is_minimal
        )
        return replace(state, x=state.box(x), theta=theta)

    def _margin(self, logits: Tensor, y: Tensor) -> Tensor:
        """Give by how much the attacker's aim leads (N,); NaN where the model said NaN."""
        lead = margin(logits, y)
        return lead if self.first.is_targeted else -lead

    def _judge(self, alive: Tensor, state: State, logits: Tensor) -> Tensor:
        """Remember the best candidates so far; say who is finished."""
        if self.is_transfer:
            return torch.zeros(len(alive), dtype=torch.bool, device=alive.device)
        margin = self._margin(logits, state.y)
        reached = margin > 0  # a tie is no success: another machine may round it the other way
        if self.attack.is_universal:
            self._keep_universal(alive, state, reached)
        elif reached.any():
            self._keep_better(alive, state, reached, margin)
        self.margin[alive] = torch.where(margin > self.margin[alive], margin, self.margin[alive])
        goes_on = self.attack.is_universal or self.goes_on or not self.ends_at_success
        is_done = reached & (self.distance[alive].isfinite()) & (not goes_on)
        return is_done if self.copies == 1 else self._with_copies(alive, is_done)

    def _with_copies(self, alive: Tensor, is_done: Tensor) -> Tensor:
        samples = len(self.y) // self.copies
        is_beaten = torch.zeros(samples, dtype=torch.bool, device=alive.device)
        is_beaten[alive[is_done] % samples] = True
        return is_beaten[alive % samples]

    def _keep_better(self, alive: Tensor, state: State, reached: Tensor, margin: Tensor) -> None:
        rows = reached.nonzero()[:, 0]
        at = alive[rows]
        size = self.threat.size(state.origin[rows], state.x[rows], state.theta[rows])
        is_better = size < self.distance[at]
        if self.goes_on:
            is_better = margin[rows] > self.margin[at]
        if not self.is_minimal:
            is_better &= self.threat.allows(size)
        rows, at, size = rows[is_better], at[is_better], size[is_better]
        self.best[at], self.theta[at] = state.x[rows], state.theta[rows]
        self.distance[at] = size

    def _keep_universal(self, alive: Tensor, state: State, reached: Tensor) -> None:
        """Remember the change that beats most samples: all samples have the same one."""
        if int(reached.sum()) <= self.most:
            return
        self.most = int(reached.sum())
        size = self.threat.size(state.origin, state.x, state.theta)
        first = self.original.theta[alive]
        self.best[alive] = torch.where(per_sample(reached, state.x), state.x, state.origin)
        self.theta[alive] = torch.where(reached[:, None], state.theta, first)
        self.distance[alive] = torch.where(reached, size, float("inf"))

    def _check_transfer(self, rows: Tensor, state: State) -> None:
        """Ask the attacked model of what was made on a surrogate: once, at the end."""
        if not (self.is_transfer and len(rows)):
            return
        before = self._passes()
        with torch.no_grad():
            margin = self._margin(self.model(state.x), state.y)
        self._share_out(rows, before)
        self.margin[rows] = margin
        self._keep_better(rows, state, margin > 0, margin)

    def _passes(self) -> tuple[int, int]:
        return self.model.passes.forward, self.model.passes.backward

    def _share_out(self, alive: Tensor, before: tuple[int, int]) -> None:
        """Charge the passes made since `before` to the samples that were in the batch."""
        now = self._passes()
        for charged, made in zip(
            (self.forward, self.backward), zip(before, now, strict=True), strict=True
        ):
            each, rest = divmod(made[1] - made[0], len(alive))
            charged[alive] += each
            charged[alive[:rest]] += 1  # a universal attack does not ask for all of them equally

    def _shorten(self, rows: Tensor) -> None:
        """Make the changes of successes smaller as long as they stay successful."""
        state, far, theta = self.first.take(rows), self.best[rows], self.theta[rows]
        low = torch.zeros(len(rows), dtype=far.dtype, device=far.device)
        high = torch.ones_like(low)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            x, held = self.threat.shorten(state.origin, far, theta, middle)
            x = state.box(x)
            with torch.no_grad():
                reached = self._margin(self.model(x), state.y) > 0
            self.forward[rows] += self.model.passes_per_call
            high, low = torch.where(reached, middle, high), torch.where(reached, low, middle)
            self.best[rows[reached]], self.theta[rows[reached]] = x[reached], held[reached]
        self.distance[rows] = self.threat.size(state.origin, self.best[rows], self.theta[rows])

    def _verify(self, rows: Tensor) -> None:
        """Judge label, box and size of the final inputs once more, by a pass of their own."""
        state, x, theta = self.original.take(rows), self.best[rows], self.theta[rows]
        with torch.no_grad():
            margin = self._margin(self.model(x), state.y)
        self.forward[rows] += self.model.passes_per_call
        in_box = (x == state.box(x)).flatten(1).all(1)
        size = self.threat.size(state.origin, x, theta)
        is_allowed = size.isfinite() if self.is_minimal else self.threat.allows(size)
        holds = (margin > 0) & in_box & is_allowed
        self.reason[rows[holds]] = int(Reason.SUCCESS)
        self.distance[rows], self.margin[rows] = size, margin
        self.best[rows[~holds]] = state.origin[~holds]
        self.theta[rows[~holds]] = state.theta[~holds]
        self.distance[rows[~holds]] = float("inf")
