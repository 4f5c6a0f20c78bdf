from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from roadworthy.core.errors import InputError

if TYPE_CHECKING:
    from roadworthy.training.loop import Training

NAME = "checkpoint.pt"


@dataclass(frozen=True)
class Checkpoint:
    """Where a training is kept after each epoch, so that one that was stopped can go on.

    Args:
        folder: holds the checkpoint; None keeps none.
        fabric: writes and reads it.
    """

    folder: Path | None
    fabric: Any

    @classmethod
    def of(cls, folder: Path | None, fabric: Any) -> "Checkpoint":
        """Make the folder, if there is to be one."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, fabric)

    def save(self, training: "Training", epoch: int) -> None:
        """Keep all that the rest of the training depends on, whole or not at all."""
        if self.folder is None:
            return
        half = self.folder / f"{NAME}.part"
        state = {
            **_networks(training),
            "adam": training.adam,
            "epoch": epoch,
            "step": training.step,
            "random": _random_numbers(self.fabric.device),
        }
        self.fabric.save(half, state)
        if self.fabric.is_global_zero:
            half.replace(self.folder / NAME)
        self.fabric.barrier()

    def load(self, training: "Training") -> int:
        """Go back to what was kept; gives the epoch to go on with.

        Raises:
            InputError: what was kept is of another training, or cannot be read.
        """
        if self.folder is None or not (self.folder / NAME).is_file():
            return 0
        path = self.folder / NAME
        state = {**_networks(training), "adam": training.adam}
        try:
            # weights_only: a file of a stranger's must not run code
            rest = self.fabric.load(path, state, weights_only=True)
            _draw_on(self.fabric.device, rest["random"])
        except Exception as error:
            raise InputError(
                f"{path} cannot be gone on with; delete it to start anew ({error})"
            ) from error
        training.step = rest["step"]
        return int(rest["epoch"])


def _networks(training: "Training") -> dict[str, Any]:
    kept = {"network": training.network, "beside": training.beside}
    return kept if training.average is None else {**kept, "average": training.average}


def _random_numbers(device: torch.device) -> list[Tensor]:
    """Give the state of the generator on the CPU and, if the training uses one, on its GPU."""
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state()] if device.type == "cuda" else states


def _draw_on(device: torch.device, states: list[Tensor]) -> None:
    cpu, *gpus = states
    torch.set_rng_state(cpu)
    for state in gpus if device.type == "cuda" else ():
        torch.cuda.set_rng_state(state)
