import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.core.threads import threads_for
from roadworthy.networks import build
from roadworthy.networks.head import Head
from roadworthy.training.checkpoint import Checkpoint
from roadworthy.training.crew import Crew
from roadworthy.training.plan import Batch, Rate, TrainPlan, class_loss

ENOUGH = 1e-3  # an epoch whose mean loss is below it is the last: the rows are learned


def fit_plan(plan: TrainPlan, progress: Progress) -> nn.Sequential:
    """Train a network by AdamW on mini-batches, as a plan says.

    The first part measures the inputs, a head the targets. The caller's random numbers are left
    alone; the same rows and seed give the same weights, for large inputs as long as torch has the
    same number of threads. Where the plan names a folder, a training that was stopped goes on after
    the last epoch that it finished, and ends at the same weights.

    Device, precision and checkpoints are Lightning Fabric's: it asks for no class of its own to
    inherit from, and keeps no state beside the objects it is given. How several devices share the
    work is said at `Crew`.

    Raises:
        InputError: there is nothing to learn from, or the loss became NaN.
    """
    if not len(plan.rows):
        raise InputError("there are no rows to train on")
    with repeatable(plan.machine.gpus), threads_for(plan.rows.x):
        crew = Crew.of(plan.machine)
        torch.manual_seed(plan.seed % 2**63)
        training = Training.of(plan, crew)
        training.run(progress)
        return training.result()


@contextmanager
def repeatable(gpus: list[int]) -> Iterator[None]:
    """Leave the caller's random numbers alone, and let convolutions on a GPU add up in one order.

    Args:
        gpus: numbers of those whose random numbers are used.
    """
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        with torch.random.fork_rng(gpus):
            yield
    finally:
        torch.backends.cudnn.deterministic = before


@dataclass(eq=False)
class Training:
    """A training on its way.

    Args:
        plan: what is trained and how.
        crew: the processes that train it.
        network: with its head.
        body: without it: what is trained.
        targets: (M, …) in the form that the criterion takes.
        beside: networks that are trained along.
        rates: of the optimizer's groups of weights, in its order.
        adam: the optimizer of all of them.
        average: a running average of the network; None where the plan wants none.
        step: how many steps were made.
    """

    plan: TrainPlan
    crew: Crew
    network: nn.Sequential
    body: nn.Sequential
    targets: Tensor
    beside: nn.ModuleDict
    rates: tuple[Rate, ...]
    adam: torch.optim.Optimizer
    average: AveragedModel | None
    step: int = 0

    @classmethod
    def of(cls, plan: TrainPlan, crew: Crew) -> "Training":
        """Make the networks and the optimizer of a plan."""
        network = build(plan.parts)
        network[0].measure(plan.rows.x)
        targets, body = plan.rows.y, network
        if isinstance(network[-1], Head):
            network[-1].measure(plan.rows.y)
            targets, body = network[-1].targets(plan.rows.y), network[:-1]
        begin(network, plan)
        beside = nn.ModuleDict({name: make(network) for name, make in plan.beside.items()})
        # the head's own weights learn too, at the plan's rate
        rates = all_rates(plan, network, beside)
        groups = [{"params": rate.weights} for rate in rates]
        schedule = plan.schedule
        adam = torch.optim.AdamW(groups, schedule.rate, weight_decay=schedule.decay, fused=True)
        crew.set_up(nn.ModuleList([network, beside]), adam)
        average = None if plan.average is None else averaged(network, plan.average)
        return cls(plan, crew, network, body, targets, beside, rates, adam, average)

    @property
    def done(self) -> float:
        """Share of the steps that were made."""
        return self.step / self.plan.steps

    def run(self, progress: Progress) -> None:
        """Make all steps, or those that a stopped training left."""
        plan, epochs = self.plan, self.plan.schedule.epochs
        kept = Checkpoint.of(plan.machine.folder, self.crew.fabric)
        first = kept.load(self)
        self.network.train()
        for epoch in range(first, epochs):
            mean = self._epoch(epoch)
            progress.advance((epoch + 1) / epochs)
            if plan.watch is not None:
                plan.watch(self.network)
            if not math.isfinite(mean):
                raise InputError(
                    "the loss became NaN: look for infinite or huge numbers in the inputs"
                )
            is_learned = mean < ENOUGH and plan.ratio == 0
            kept.save(self, epochs if is_learned else epoch + 1)
            if is_learned:
                return

    def _epoch(self, number: int) -> float:
        """Go over the rows once; gives their mean loss."""
        plan, total = self.plan, 0.0
        self.crew.begin_epoch([self.network, self.beside], plan.seed, number)
        order = torch.randperm(len(plan.rows))
        if plan.order is not None:
            order = plan.order(order)
        self.crew.go_apart(plan.seed, number)
        others = unlabelled_batches(plan, self.crew.size)
        for together in order.split(plan.schedule.batch):
            self._set_rates()
            rows = self.crew.part(together)
            batch = self._batch(rows, next(others) if plan.ratio else None) if len(rows) else None
            self.adam.zero_grad()
            if batch is not None:
                with self.crew.fabric.autocast():
                    loss = plan.descend(self.body, lambda batch=batch: plan.loss(self.body, batch))
                total += float(loss) * len(rows)
            self.crew.share_gradients(self.adam, len(rows) / len(together))
            self.adam.step()
            self._after(batch)
        return self.crew.total(total) / len(plan.rows)

    def _batch(self, rows: Tensor, unlabelled: Tensor | None) -> Batch:
        plan, device, last = self.plan, self.crew.fabric.device, self.network[-1]
        return plan.batch(
            plan.rows.x[rows].to(device),
            self.targets[rows].to(device),
            rows,
            self.done,
            criterion=last.loss if isinstance(last, Head) else class_loss,
            unlabelled=None if unlabelled is None else unlabelled.to(device),
            average=None if self.average is None else self.average.module,
            beside=self.beside,
        )

    def _set_rates(self) -> None:
        """Let the plan's rate fall to 0 along half a cosine, and each group follow its own."""
        common = self.plan.schedule.rate * (1 + math.cos(math.pi * self.done)) / 2
        for group, rate in zip(self.adam.param_groups, self.rates, strict=True):
            group["lr"] = common * rate.factor(self.done)

    def _after(self, batch: Batch | None) -> None:
        if self.average is not None:
            self.average.update_parameters(self.network)
        for change in self.plan.after if batch is not None else ():
            change(self.body, batch)
        self.step += 1

    def result(self) -> nn.Sequential:
        """Give what was trained, in evaluation mode."""
        network = self.network if self.average is None else self.average.module
        return network.cpu().eval()


def begin(network: nn.Sequential, plan: TrainPlan) -> None:
    """Put the weights that the plan starts with in the place of random ones.

    Raises:
        InputError: the network has other weights.
    """
    own = network.state_dict()
    wrong = [k for k, v in plan.start.items() if k not in own or own[k].shape != v.shape]
    if wrong:
        raise InputError(f"the weights to start with do not fit the network: {', '.join(wrong)}")
    network.load_state_dict(plan.start, strict=False)


def all_rates(plan: TrainPlan, network: nn.Sequential, beside: nn.ModuleDict) -> tuple[Rate, ...]:
    """Sort all weights by how fast they learn: the plan's own groups, and the rest."""
    rates = plan.rates(network) if plan.rates is not None else ()
    apart = {id(weight) for rate in rates for weight in rate.weights}
    every = [*network.parameters(), *beside.parameters()]
    rest = tuple(weight for weight in every if id(weight) not in apart)
    return (*rates, Rate(rest, lambda _: 1.0)) if rest else rates


def averaged(network: nn.Sequential, decay: float) -> AveragedModel:
    """Make a running average of the weights, which forgets faster in the first steps."""

    def blend(old: Tensor, new: Tensor, steps: Tensor | int) -> Tensor:
        return old.lerp(new, 1 - min(decay, (1 + int(steps)) / (10 + int(steps))))

    return AveragedModel(network, avg_fn=blend)


def unlabelled_batches(plan: TrainPlan, processes: int = 1) -> Iterator[Tensor]:
    """Give rows without targets, `ratio` per row of a step, all once before any comes again.

    Of several processes each draws its part of them by itself.

    Raises:
        InputError: the plan learns from such rows, and there are none.
    """
    if not plan.ratio:
        return
    pool = plan.pool(plan.writers.get("ratio", "the training"))
    wanted = -(-plan.ratio * plan.schedule.batch // processes)
    order = torch.empty(0, dtype=torch.int64)
    while True:
        while len(order) < wanted:
            order = torch.cat([order, torch.randperm(len(pool))])
        yield pool.x[order[:wanted]]
        order = order[wanted:]
