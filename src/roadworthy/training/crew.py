import logging
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.training.plan import Machine

# not 16-mixed: its losses have to be scaled, and strategies take gradients of their own
PRECISIONS = ("32-true", "bf16-mixed")


def is_follower(machine: Machine) -> bool:
    """Say whether this process only helps another one with a training on several devices."""
    return machine.devices > 1 and int(os.environ.get("LOCAL_RANK", "0")) > 0


@dataclass(frozen=True)
class Crew:
    """The processes that train one network together, one per device; mostly there is one.

    Each learns from its part of the rows of every step, and all make the step that one process
    would make of all the rows: what adds up over rows is the same but for rounding. What looks at a
    step as a whole (contrasts within a batch, running shares of classes) sees the part of its
    process.

    Args:
        fabric: Lightning Fabric; it has started the other processes.
    """

    fabric: Any

    @classmethod
    def of(cls, machine: Machine) -> "Crew":
        """Start what a machine has; each further process runs this program's command anew.

        Raises:
            InputError: there are no so many devices, or nothing that could be run anew, or the
                precision is not known.
        """
        from lightning_fabric import Fabric  # slow to import
        from lightning_fabric.utilities.exceptions import MisconfigurationException

        if machine.precision not in PRECISIONS:
            raise InputError(
                f"the precision of a training is {' or '.join(PRECISIONS)}, not {machine.precision}"
            )
        is_many = machine.devices > 1
        if is_many and hasattr(sys, "ps1"):
            raise InputError(
                "a training on several devices runs its program once for each of them, and there "
                "is none in a notebook: write a script, or use roadworthy train --devices"
            )
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # no word of what went well
        try:
            fabric = Fabric(
                accelerator=machine.device,
                devices=machine.devices,
                precision=machine.precision,  # type: ignore[arg-type]
                strategy="ddp" if is_many else "auto",
            )
        except (MisconfigurationException, RuntimeError) as error:
            raise InputError(
                f"{machine.devices} of {machine.device} cannot be trained on: {error}"
            ) from error
        if is_many:
            fabric.launch()
        return cls(fabric)

    @property
    def size(self) -> int:
        """How many processes there are."""
        return int(self.fabric.world_size)

    def set_up(self, networks: nn.Module, adam: torch.optim.Optimizer) -> None:
        """Put networks and the state of their optimizer on the device."""
        if self.size == 1:
            self.fabric.setup(networks, adam)
        else:  # no wrapper: strategies call parts of a network, and gradients are shared here
            self.fabric.to_device(networks)

    def part(self, rows: Tensor) -> Tensor:
        """Give this process's part of the rows (N,) of a step; it may have none."""
        own: Tensor = rows.tensor_split(self.size)[self.fabric.global_rank]
        return own

    def begin_epoch(self, networks: Iterable[nn.Module], seed: int, epoch: int) -> None:
        """Let all have the weights of the first process, and the same random numbers."""
        if self.size == 1:
            return
        for network in networks:
            network.load_state_dict(self.fabric.broadcast(network.state_dict()))
        torch.manual_seed(_seed(seed, epoch))

    def go_apart(self, seed: int, epoch: int) -> None:
        """Let each process draw random numbers of its own from here."""
        if self.size > 1:
            torch.manual_seed(_seed(seed, epoch, self.fabric.global_rank))

    def share_gradients(self, adam: torch.optim.Optimizer, share: float) -> None:
        """Give all processes the gradients of all rows, where this one had a share of them."""
        if self.size == 1:
            return
        weights = [weight for group in adam.param_groups for weight in group["params"]]
        parts = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        # a weight that no process used has no gradient: its decay must not set in either
        is_used = torch.tensor([float(w.grad is not None) for w in weights])
        flat = torch.cat([is_used.to(parts[0]), *(share * part.flatten() for part in parts)])
        flat = self.fabric.all_reduce(flat, reduce_op="sum")
        used, flat = flat[: len(weights)] > 0, flat[len(weights) :]
        pieces = flat.split([weight.numel() for weight in weights])
        for weight, piece, own in zip(weights, pieces, used.tolist(), strict=True):
            weight.grad = piece.reshape(weight.shape) if own else None

    def total(self, value: float) -> float:
        """Add up a number over the processes."""
        if self.size == 1:
            return value
        return float(self.fabric.all_reduce(torch.tensor(value), reduce_op="sum"))


def _seed(*parts: int) -> int:
    return int(fingerprint(*parts)[:15], 16)
