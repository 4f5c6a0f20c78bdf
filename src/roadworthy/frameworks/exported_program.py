from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.frameworks.fixed_batch import in_batches
from roadworthy.frameworks.plain_archive import read_plain_archive
from roadworthy.frameworks.torch_module import TorchModel, wrap_module


class ExportedModule(nn.Module):
    """An exported program as a module; batches are padded where the program fixes their size.

    Args:
        program: what `torch.export.load` gives.
    """

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        inputs = [
            node
            for node in program.graph.nodes
            if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
        ]
        if len(inputs) != 1:
            raise InputError(f"the exported program takes {len(inputs)} inputs: export it with one")
        first = inputs[0].meta["val"].shape[0]
        self.batch = first if isinstance(first, int) else None
        self.program = program.module()

    def train(self, mode: bool = True) -> "ExportedModule":
        return self  # the mode was fixed when the program was exported

    def forward(self, x: Tensor) -> object:
        return in_batches(self.program, x, self.batch)


def load_exported_program(
    path: Path, dataset: Dataset, name: str | None = None, *, trust: bool = False
) -> TorchModel:
    """Make a model of a `.pt2` file.

    Args:
        path: the file.
        dataset: says what inputs and outputs there must be.
        name: what the report calls it.
        trust: load it as torch does, which runs whatever code the file brings.

    Raises:
        InputError: it is damaged, brings code, or does not fit.
    """
    source = str(path) if trust else read_plain_archive(path)
    try:
        program = torch.export.load(source)
        module = ExportedModule(program)
    except (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as e:
        cause = f"{type(e).__name__}: {' '.join(str(e).split())[:160]}"
        raise InputError(
            f"torch {torch.__version__} cannot load {path} ({cause}): export it again with "
            "torch.export.save"
        ) from None
    return wrap_module(module, dataset, name or path.name, is_ours=True)
