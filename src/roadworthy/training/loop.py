import math

import torch
from torch import Tensor, nn

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.core.threads import threads_for
from roadworthy.networks import build
from roadworthy.networks.rescale import Rescale
from roadworthy.training.plan import TrainPlan

ENOUGH = 1e-3  # an epoch whose mean loss is below it is the last: the rows are learned


def fit_plan(plan: TrainPlan, progress: Progress) -> nn.Sequential:
    """Train a network by Adam on mini-batches, as a plan says.

    The first part measures the inputs, a last `rescale` the targets. The caller's random numbers
    are left alone; the same rows and seed give the same weights, for large inputs
    as long as torch has the same number of threads.

    Raises:
        InputError: there is nothing to learn from, or the loss became NaN.
    """
    if not len(plan.rows):
        raise InputError("there are no rows to train on")
    with torch.random.fork_rng(devices=[]), threads_for(plan.rows.x):
        torch.manual_seed(plan.seed % 2**63)
        network = build(plan.parts)
        targets = _measure(network, plan)
        body = network[:-1] if isinstance(network[-1], Rescale) else network
        _descend(body.train(), targets, plan, progress)
    return network.eval()


def _measure(network: nn.Sequential, plan: TrainPlan) -> Tensor:
    network[0].measure(plan.rows.x)
    if plan.data.task != Task.REGRESSION:
        return plan.rows.y
    network[-1].measure(plan.rows.y)
    return network[-1].standardize(plan.rows.y)[:, None]


def _descend(network: nn.Sequential, y: Tensor, plan: TrainPlan, progress: Progress) -> None:
    x, schedule = plan.rows.x, plan.schedule
    adam = torch.optim.AdamW(
        network.parameters(), schedule.rate, weight_decay=schedule.decay, fused=True
    )
    steps = schedule.epochs * -(-len(x) // schedule.batch)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    step = 0
    for epoch in range(schedule.epochs):
        total = 0.0
        for rows in torch.randperm(len(x)).split(schedule.batch):
            batch = plan.batch(x[rows], y[rows], rows, step / steps)
            adam.zero_grad()
            loss = plan.descend(network, lambda batch=batch: plan.loss(network, batch))
            adam.step()
            falling.step()
            total += float(loss) * len(rows)
            step += 1
        progress.advance((epoch + 1) / schedule.epochs)
        if plan.watch is not None:
            plan.watch(network)
        if not math.isfinite(total):
            raise InputError("the loss became NaN: look for infinite or huge numbers in the inputs")
        if total / len(x) < ENOUGH:
            return
