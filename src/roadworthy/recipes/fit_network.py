import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.core.threads import threads_for
from roadworthy.networks import Part, build
from roadworthy.networks.rescale import Rescale

ENOUGH = 1e-3  # an epoch whose mean loss is below it is the last: the rows are learned


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Args:
        epochs: at most so many times over the rows.
        batch: rows per step.
        rate: of Adam at the start; it falls to 0 along half a cosine.
        decay: weight decay, decoupled from the rate (AdamW).
    """

    epochs: int
    batch: int
    rate: float
    decay: float


def fit_network(
    parts: tuple[Part, ...],
    data: Dataset,
    rows: Split,
    schedule: Schedule,
    seed: int,
    progress: Progress,
) -> nn.Sequential:
    """Train a network by Adam on mini-batches: cross-entropy, or squared error.

    The first part measures the inputs, a last `rescale` the targets. The caller's random numbers
    are left alone; the same rows and seed give the same weights, for large inputs
    as long as torch has the same number of threads.

    Raises:
        InputError: there is nothing to learn from, or the loss became NaN.
    """
    if not len(rows):
        raise InputError("there are no rows to train on")
    with torch.random.fork_rng(devices=[]), threads_for(rows.x):
        torch.manual_seed(seed % 2**63)
        network = build(parts)
        targets = _measure(network, data, rows)
        body = network[:-1] if isinstance(network[-1], Rescale) else network
        _descend(body.train(), rows.x, targets, schedule, progress)
    return network.eval()


def _measure(network: nn.Sequential, data: Dataset, rows: Split) -> Tensor:
    network[0].measure(rows.x)
    if data.task != Task.REGRESSION:
        return rows.y
    network[-1].measure(rows.y)
    return network[-1].standardize(rows.y)[:, None]


def _descend(
    network: nn.Sequential, x: Tensor, y: Tensor, schedule: Schedule, progress: Progress
) -> None:
    loss_of = mse_loss if y.is_floating_point() else cross_entropy
    adam = torch.optim.AdamW(
        network.parameters(), schedule.rate, weight_decay=schedule.decay, fused=True
    )
    steps = schedule.epochs * -(-len(x) // schedule.batch)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for epoch in range(schedule.epochs):
        total = 0.0
        for batch in torch.randperm(len(x)).split(schedule.batch):
            adam.zero_grad()
            loss = loss_of(network(x[batch]), y[batch])
            loss.backward()
            adam.step()
            falling.step()
            total += float(loss.detach()) * len(batch)
        progress.advance((epoch + 1) / schedule.epochs)
        if not math.isfinite(total):
            raise InputError("the loss became NaN: look for infinite or huge numbers in the inputs")
        if total / len(x) < ENOUGH:
            return
