"""The risk in each environment, for trainings that ask for what holds in all of them."""

import numpy as np
import torch
from torch import Tensor, nn

from roadworthy.core.errors import InputError
from roadworthy.training.plan import Batch, TrainPlan


def environments_of(plan: TrainPlan, asking: str) -> Tensor:
    """Number the environments of the rows that are trained on: (M,).

    Raises:
        InputError: no column names them, or there is only one.
    """
    column = plan.data.roles.environment
    if column is None:
        raise InputError(f"{asking} needs to know where rows come from: pass --environment COLUMN")
    names, code = np.unique(plan.rows.columns[column].astype(str), return_inverse=True)
    if len(names) < 2:
        raise InputError(f"{asking} needs two environments; all rows have {column} {names[0]!r}")
    return torch.from_numpy(code)


def risks(losses: Tensor, environment: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Give the mean loss in each environment (E,), and which of them have rows (E,).

    Args:
        losses: (N,).
        environment: (N,) from 0.
        most: E.
    """
    environment = environment.to(losses.device)
    rows = losses.new_zeros(most).index_add(0, environment, torch.ones_like(losses))
    sums = losses.new_zeros(most).index_add(0, environment, losses)
    return sums / rows.clamp_min(1), rows > 0


def slopes_of_scale(network: nn.Module, batch: Batch, environment: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mean risk, and the slope of each environment's risk by a scale of its outputs (E,).

    An environment without rows in the batch has the slope 0.
    """
    most = int(environment.max()) + 1
    here = environment[batch.rows]
    scale = torch.ones(most, device=batch.x.device, requires_grad=True)
    found, has_rows = risks(batch.loss(network(batch.x) * scale[here][:, None], "none"), here, most)
    (slopes,) = torch.autograd.grad(found.sum(), scale, create_graph=True)
    return found[has_rows].mean(), slopes
