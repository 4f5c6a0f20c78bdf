from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import boxed, leads, pick
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

PATIENCE = 100  # generations without a better elite, until the search is refined
SHRINK = 0.9  # of the mutations, each time it is


@dataclass(frozen=True)
class GenAttackState(State):
    """Where the evolution stands.

    Args:
        members: the population, (N, P, …).
        elite: by how much the model leads on the elite, (N,).
        waited: generations since the elite got better, (N,).
        plateaus: how often the search was refined, (N,).
    """

    members: Tensor
    elite: Tensor
    waited: Tensor
    plateaus: Tensor


@dataclass(frozen=True)
class GenAttack(EvasionAttack):
    """GenAttack: a genetic algorithm on scores.

    A few candidates breed: fitter ones are parents more often and pass on more features; children
    mutate; the fittest of all lives on unchanged. Mutations shrink where nothing improves.

    Threat model: black box with scores, L-inf, fixed budget; targeted or not.
    Cost: `population` + 1 queries per step and sample; a sample that succeeds stops.
    Source: Alzantot et al. 2018, arXiv:1805.11090, algorithm 1 and section 4.3.
    Differs from the paper: fitness is the lead in logits over the best other class, not the
    logarithm of a probability over the sum of the others; an untargeted attack leaves its class;
    the population is not drawn in a smaller image and scaled up. Mutations hit few features, but at
    least one in the mean, and go far: on MNIST that finds twice the errors in as many queries.

    Args:
        steps: generations.
        population: candidates per generation.
        mutation: share of features that mutate at first.
        least_mutation: the same in the end.
        rel_range: how far a mutation goes at first, as a share of the radius.
        least_range: the same in the end.
        temperature: of choosing parents; high chooses at random.
    """

    steps: int = 1000
    population: int = 6
    mutation: float = 0.01
    least_mutation: float = 0.002
    rel_range: float = 2.0
    least_range: float = 1.0
    temperature: float = 0.1

    card = Card("gen-attack", "GenAttack", aliases=("GenAttack",), paper="arxiv:1805.11090")
    threats = frozenset({"linf"})
    needs = frozenset({Offer.SCORES})

    def passes_ahead(self, step: int) -> int:
        return 1 + self.population

    def start(self, model: Model, state: State, threat: Ball) -> State:
        noise = 2 * state.streams.uniform((self.population, *state.x.shape[1:]), state.x.dtype) - 1
        reach = threat.eps * threat.unit(state.x)
        members = boxed(state, state.origin[:, None] + noise * reach)
        zeros = torch.zeros_like(state.y)
        worst = torch.full_like(state.sign, float("inf"))
        state = state.extended(
            GenAttackState, members=members, elite=worst, waited=zeros, plateaus=zeros
        )
        return replace(state, x=members[:, 0])

    def step(self, model: Model, state: GenAttackState, look: Look, threat: Ball) -> State:
        fitness = -leads(model, state, state.members)
        fitness = torch.where(fitness.isnan(), -torch.inf, fitness)
        best, place = fitness.max(1)
        elite = pick(state.members, place)
        is_better = -best < state.elite
        waited = torch.where(is_better, 0, state.waited + 1)
        is_flat = waited >= PATIENCE
        plateaus = state.plateaus + is_flat.long()
        children = self._bred(state, fitness, plateaus, threat)
        members = torch.cat([elite[:, None], children], 1)
        return replace(
            state,
            x=elite,
            members=members,
            elite=torch.minimum(-best, state.elite),
            waited=torch.where(is_flat, 0, waited),
            plateaus=plateaus,
        )

    def _bred(
        self, state: GenAttackState, fitness: Tensor, plateaus: Tensor, threat: Ball
    ) -> Tensor:
        """Cross two parents and mutate, for all places but the elite's: (N, P - 1, …)."""
        count, shape, dtype = self.population - 1, state.x.shape[1:], state.x.dtype
        finite = fitness.clamp(-1e30, 1e30)
        chance = ((finite - finite.amax(1, keepdim=True)) / self.temperature).softmax(1)
        draws = state.streams.uniform((2 * count,), dtype)
        below = chance.cumsum(1)[:, None] < draws[..., None]
        parent = below.sum(2).clamp_max(self.population - 1)
        rows = torch.arange(len(parent), device=parent.device)[:, None]
        first, second = state.members[rows, parent].chunk(2, 1)
        mine, other = chance.gather(1, parent).chunk(2, 1)
        share = mine / (mine + other).clamp_min(torch.finfo(dtype).tiny)
        is_first = state.streams.uniform((count, *shape), dtype) < share.reshape(
            *share.shape, *[1] * len(shape)
        )
        child = torch.where(is_first, first, second)
        finer = SHRINK ** plateaus.to(dtype)
        one = 1 / float((threat.unit(state.x) > 0).sum())  # feature in the mean, at least
        rate = (self.mutation * finer).clamp_min(max(self.least_mutation, one))
        reach = threat.eps * (self.rel_range * finer).clamp_min(self.least_range)
        # one number says whether a feature mutates and, within that chance, where to
        draw = state.streams.uniform((count, *shape), dtype)
        chosen = per_sample(rate, child)
        change = 2 * (draw / chosen) - 1
        mutated = child + per_sample(reach, child) * change * threat.unit(state.x)
        return boxed(state, torch.where(draw < chosen, mutated, child))
