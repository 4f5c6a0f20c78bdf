import dataclasses
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.core.adaptive import adaptive
from roadworthy.core.attack import AttackResult, Composite, EvasionAttack, Part, Reason, State
from roadworthy.core.attack_run import HALVINGS, Limits, Run, least_passes
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model, require
from roadworthy.core.progress import Progress, Silent
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Threat

__all__ = ["HALVINGS", "Limits", "run_attack", "run_attacks"]

UNLIMITED = Limits()

Pool = tuple[Tensor, Tensor]
Tell = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class _Samples:
    """What is attacked, under which rules; `take` keeps some of it."""

    x: Tensor
    y: Tensor
    target: Tensor | None
    low: Tensor
    high: Tensor
    ids: Tensor

    def take(self, rows: Tensor) -> "_Samples":
        return _Samples(
            self.x[rows],
            self.y[rows],
            None if self.target is None else self.target[rows],
            self.low[rows],
            self.high[rows],
            self.ids[rows],
        )


@dataclass(frozen=True, eq=False)
class _Rules:
    """What stays the same over all parts of a run."""

    model: Model
    source: Model
    threat: Threat
    pool: Pool | None
    limits: Limits
    stop_at: float | None
    seed: int
    takes_any: bool
    is_random: bool = False
    goes_on: bool = False
    is_bounded: bool = False

    def keeps_best(self, attack: EvasionAttack) -> bool:
        """Say whether the most confident error counts, not the first or the nearest."""
        return self.goes_on or (self.is_random and not attack.is_minimal)


def run_attack(
    attack: EvasionAttack,
    model: Model,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    *,
    target: Tensor | None = None,
    bounds: tuple[Tensor, Tensor] | None = None,
    ids: Tensor | None = None,
    pool: Pool | None = None,
    surrogate: Model | None = None,
    is_adaptive: bool = True,
    limits: Limits = UNLIMITED,
    seed: int = 0,
    progress: Progress | None = None,
) -> AttackResult:
    """Attack each sample on its own and verify what comes out.

    Samples that are already wrong are left out; those that are finished leave the batch; the best
    candidate counts, the last one included; box, size and label are checked again at the end, by
    the model in its own precision. A sample's result depends on the seed and its id, not on the
    batch it sits in. A model that declares steps without a useful derivative, or randomness, is
    attacked through `adaptive`; on a random one the first error may be luck, so an attack within a
    budget goes on to the most confident one.

    Args:
        attack: proposes candidates.
        model: is attacked; passes are counted on it.
        x: (N, …) inputs.
        y: (N,) true classes.
        threat: what the attacker may do.
        target: (N,) classes to reach; None means any wrong one.
        bounds: lower and upper bound of valid inputs; 0 and 1 by default.
        ids: (N,) whole numbers that name the samples; their place in `x` by default.
        pool: (M, …) other inputs and their (M,) classes, for attacks that start from one.
        surrogate: another model that the attack works on; the attacked one only judges the result.
        is_adaptive: go around what the model declares to hinder gradients.
        limits: what may be used.
        seed: of every random number.
        progress: where to say how far the work is.

    Raises:
        InputError: the attack does not know the threat model, or lacks something it starts from.
        NotAssessed: the model does not offer what the attack needs.
    """
    if not len(x):
        raise InputError("there is no input to attack")
    x = x.detach()
    is_random = model.spec.stochastic
    model = adaptive(model, seed=seed) if is_adaptive else model
    rules = _rules(model, threat, target, pool, surrogate, limits, seed, is_random)
    _check(attack, rules, x, target)
    samples = _samples(x, y, target, bounds, ids)
    shown = progress or Silent()
    return _run(attack, samples, rules, shown.advance)


def run_attacks(
    attacks: Iterable[EvasionAttack],
    model: Model,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    *,
    target: Tensor | None = None,
    bounds: tuple[Tensor, Tensor] | None = None,
    ids: Tensor | None = None,
    pool: Pool | None = None,
    limits: Limits = UNLIMITED,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[AttackResult, tuple[tuple[Tensor, AttackResult], ...]]:
    """Run several attacks, each on the samples that the ones before left standing.

    A minimal attack looks at all samples, since it may find a nearer error.

    Args:
        attacks: in the order to run them.
        model: is attacked.
        x: (N, …) inputs.
        y: (N,) true classes.
        threat: what the attacker may do.
        target: (N,) classes to reach; None means any wrong one.
        bounds: lower and upper bound of valid inputs; 0 and 1 by default.
        ids: (N,) whole numbers that name the samples.
        pool: other inputs and their classes, for attacks that start from one.
        limits: what all of them together may use.
        seed: of every random number.
        progress: where to say how far the work is.

    Returns:
        The worst case, and for each attack the rows (R,) that it saw and what it found on them.
    """
    attacks = tuple(attacks)
    if not attacks or not len(x):
        raise InputError("there is no input or no attack")
    x = x.detach()
    seen, is_random = adaptive(model, seed=seed), model.spec.stochastic
    rules = _rules(seen, threat, target, pool, None, limits, seed, is_random)
    for attack in attacks:
        _check(attack, rules, x, target)
    samples = _samples(x, y, target, bounds, ids)
    shown = progress or Silent()
    is_minimal = all(attack.is_minimal for attack in attacks)
    parts = tuple(Part(attack) for attack in attacks)
    return _run_parts(parts, is_minimal, samples, rules, shown.advance)


def _rules(
    model: Model,
    threat: Threat,
    target: Tensor | None,
    pool: Pool | None,
    surrogate: Model | None,
    limits: Limits,
    seed: int,
    is_random: bool,
) -> _Rules:
    stop_at = None if limits.seconds is None else time.monotonic() + limits.seconds
    takes_any = target is None
    source = surrogate or model
    return _Rules(model, source, threat, pool, limits, stop_at, seed, takes_any, is_random)


def _check(attack: EvasionAttack, rules: _Rules, x: Tensor, target: Tensor | None) -> None:
    name = attack.card.name
    if rules.threat.kind not in attack.threats:
        known = " and ".join(sorted(attack.threats))
        raise InputError(f"{name} attacks within {known}, not {rules.threat.kind}")
    if target is not None and not attack.is_targetable:
        raise InputError(f"{name} cannot be told which class to reach: leave the target out")
    if attack.takes_images_only and x.ndim != 4:
        raise InputError(f"{name} attacks images (N, C, H, W), not inputs of shape {(*x.shape,)}")
    if attack.takes_guide and rules.pool is None:
        raise InputError(f"{name} starts from other inputs: give it a pool of inputs and classes")
    for offer in sorted(attack.needs):
        require(rules.source, offer)
    least = least_passes(attack)
    passes, queries = rules.limits.passes, rules.limits.queries
    if any(limit is not None and limit < least for limit in (passes, queries)):
        raise InputError(f"{name} needs at least {least} passes per sample")


def _samples(
    x: Tensor,
    y: Tensor,
    target: Tensor | None,
    bounds: tuple[Tensor, Tensor] | None,
    ids: Tensor | None,
) -> _Samples:
    low, high = bounds if bounds is not None else (torch.tensor(0.0), torch.tensor(1.0))
    return _Samples(
        x=x,
        y=y,
        target=target,
        # an input that lies outside the usual bounds may stay where it is
        low=torch.minimum(low.to(x), x),
        high=torch.maximum(high.to(x), x),
        ids=torch.arange(len(x), device=x.device) if ids is None else ids.to(x.device),
    )


def _run(attack: EvasionAttack, samples: _Samples, rules: _Rules, tell: Tell) -> AttackResult:
    """Run one attack, in chunks that bound the memory; a composite runs its parts."""
    if isinstance(attack, Composite):
        parts = attack.parts(rules.source, samples.y, rules.threat)
        for part in parts:
            _check(part.attack, rules, samples.x, part.target)
        # a part that looks for the nearest error is held to the budget of the whole
        is_bounded = rules.is_bounded or not attack.is_minimal
        rules = replace(rules, goes_on=attack.keeps_best, is_bounded=is_bounded)
        sees_all = attack.is_minimal or attack.keeps_best
        return _run_parts(parts, sees_all, samples, rules, tell)[0]
    n, copies = len(samples.x), _affordable_copies(attack, samples, rules.limits)
    size = n if attack.is_universal else max(1, rules.limits.batch // copies)
    limits, keeps_best = _shared(rules.limits, copies), rules.keeps_best(attack)
    found = []
    for first in range(0, n, size):
        rows = torch.arange(first, min(first + size, n), device=samples.x.device)
        share = _part_of(tell, first / n, len(rows) / n)
        is_all = len(rows) == n and copies == 1
        chunk = samples if is_all else samples.take(rows.repeat(copies))
        run = Run(
            attack,
            rules.model,
            rules.source,
            rules.threat,
            _first_state(chunk, rules, copies),
            chunk.y,
            copies,
            keeps_best,
            rules.takes_any,
            rules.is_bounded,
        )
        found.append(_best_copies(run.drive(limits, rules.stop_at, share), copies, keeps_best))
    columns = ([getattr(p, f.name) for p in found] for f in dataclasses.fields(AttackResult))
    return AttackResult(*(torch.cat(column) for column in columns))


def _run_parts(
    parts: tuple[Part, ...], sees_all: bool, samples: _Samples, rules: _Rules, tell: Tell
) -> tuple[AttackResult, tuple[tuple[Tensor, AttackResult], ...]]:
    """Run attacks one after the other and keep, sample by sample, the best of what they found."""
    worst: AttackResult | None = None
    runs = []
    for index, part in enumerate(parts):
        rows = _rows_for(part.attack, worst, sees_all, rules, samples)
        limits = _left(rules.limits, worst)
        least = least_passes(part.attack)
        is_late = rules.stop_at is not None and time.monotonic() > rules.stop_at
        is_spent = min(limits.passes or least, limits.queries or least) < least
        if not len(rows) or (worst is not None and (is_late or is_spent)):
            continue
        some = samples.take(rows)
        if part.target is not None:
            some = replace(some, target=part.target[rows])
        # each part draws numbers of its own
        chosen = replace(rules, limits=limits, seed=rules.seed + index * 1_000_003)
        share = _part_of(tell, index / len(parts), 1 / len(parts))
        found = _run(part.attack, some, chosen, share)
        runs.append((rows, found))
        worst = found if worst is None else _merge(worst, rows, found, rules.goes_on)
    assert worst is not None
    return worst, tuple(runs)


def _rows_for(
    attack: EvasionAttack,
    worst: AttackResult | None,
    sees_all: bool,
    rules: _Rules,
    samples: _Samples,
) -> Tensor:
    if worst is None:
        return torch.arange(len(samples.x), device=samples.x.device)
    sees_all = sees_all or (attack.is_minimal and not rules.is_bounded)
    is_left = worst.reason != Reason.ALREADY_WRONG if sees_all else ~worst.success
    return is_left.nonzero()[:, 0]


def _left(limits: Limits, worst: AttackResult | None) -> Limits:
    """Give what is left of the passes after what the costliest sample spent."""
    if worst is None:
        return limits
    passes, queries = limits.passes, limits.queries
    spent = int((worst.forward + worst.backward).max())
    return replace(
        limits,
        passes=None if passes is None else max(1, passes - spent),
        queries=None if queries is None else max(1, queries - int(worst.forward.max())),
    )


def _affordable_copies(attack: EvasionAttack, samples: _Samples, limits: Limits) -> int:
    """Give as many copies of a sample as the attack wants and the limits allow."""
    copies, least = attack.copies(samples.target is not None), least_passes(attack)
    given = [limit // least for limit in (limits.passes, limits.queries) if limit is not None]
    return min([copies, *given])


def _shared(limits: Limits, copies: int) -> Limits:
    """Give what each copy of a sample may use."""
    passes, queries = limits.passes, limits.queries
    return replace(
        limits,
        passes=None if passes is None else passes // copies,
        queries=None if queries is None else queries // copies,
    )


def _best_copies(found: AttackResult, copies: int, by_margin: bool) -> AttackResult:
    """Keep what the best of a sample's copies found."""
    each = torch.arange(len(found.x), device=found.x.device).chunk(copies)
    best = found.take(each[0])
    for rows in each[1:]:
        best = _merge(best, each[0], found.take(rows), by_margin)
    return best


def _merge(worst: AttackResult, rows: Tensor, found: AttackResult, by_margin: bool) -> AttackResult:
    """Put what was found on some rows over what was known, where it is better."""
    old = worst.take(rows)
    is_better = found.success & ~old.success
    both = found.success & old.success
    is_better |= both & (found.margin > old.margin if by_margin else found.distance < old.distance)
    is_better |= ~found.success & ~old.success & (found.margin > old.margin)
    columns = {}
    for part in dataclasses.fields(AttackResult):
        values = getattr(worst, part.name).clone()
        new = getattr(found, part.name)
        if part.name in ("forward", "backward"):
            values[rows] += new
        elif values.shape[1:] == new.shape[1:]:
            values[rows[is_better]] = new[is_better]
        columns[part.name] = values
    return AttackResult(**columns)


def _part_of(tell: Tell, start: float, share: float) -> Tell:
    return lambda done: tell(start + done * share)


def _first_state(samples: _Samples, rules: _Rules, copies: int) -> State:
    x, target = samples.x, samples.target
    sign = torch.full((len(x),), 1.0 if target is None else -1.0, dtype=x.dtype, device=x.device)
    copy = torch.arange(copies, device=x.device).repeat_interleave(len(x) // copies)
    streams = Streams.of(rules.seed, samples.ids, copy)
    return State(
        x=x,
        origin=x,
        y=samples.y if target is None else target,
        sign=sign,
        low=samples.low,
        high=samples.high,
        streams=streams,
        theta=rules.threat.neutral(x),
        finished=torch.zeros(len(x), dtype=torch.bool, device=x.device),
        copy=copy,
        guide=None if rules.pool is None else _guides(samples, rules.pool, streams),
    )


def _guides(samples: _Samples, pool: Pool, streams: Streams) -> Tensor:
    """Draw for each sample another input: of the class to reach, or of any but its own."""
    others, classes = (part.to(samples.x.device) for part in pool)
    fits = classes[None] != samples.y[:, None]
    if samples.target is not None:
        fits = classes[None] == samples.target[:, None]
    count = fits.sum(1)
    if not count.all():
        raise InputError("the pool lacks inputs of a class that an attack has to start from")
    place = streams.integers(count)
    chosen = ((fits.cumsum(1) > place[:, None]) & fits).to(torch.int8).argmax(1)
    return others[chosen].to(samples.x.dtype)
