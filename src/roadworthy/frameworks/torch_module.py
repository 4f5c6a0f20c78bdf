import copy
import inspect
import math
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn

from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, ModelSpec, Offer, require
from roadworthy.core.tree_ensemble import HoldsTrees, TreeEnsemble
from roadworthy.frameworks.layout import TORCH, Layout
from roadworthy.frameworks.outputs import Reading, convert, like_inputs
from roadworthy.frameworks.probe import Probed, probe, probe_rows


class TorchModel(Model):
    """A PyTorch module: gradients, and embeddings from before its last linear layer.

    Args:
        spec: what is known of it.
        module: a copy of the caller's, in evaluation mode, whose parameters need no gradient.
        probed: how to feed it and to read its outputs.
        head: the layer whose input is the embedding.
    """

    def __init__(
        self, spec: ModelSpec, module: nn.Module, probed: Probed, head: nn.Linear | None
    ) -> None:
        super().__init__(spec)
        self.module = module
        self._probed = probed
        self._head = head
        self._dtype = _dtype_of(module)

    def forward(self, x: Tensor) -> Tensor:
        inputs = self._probed.layout.arrange(x)
        outputs = self.module(_as_taken(inputs, self._dtype))
        return like_inputs(convert(outputs, self._probed.reading, self.spec.outputs), x)

    def features(self, x: Tensor) -> Tensor:
        assert self._head is not None
        caught: list[Tensor] = []
        handle = self._head.register_forward_pre_hook(lambda _, given: caught.append(given[0]))
        try:
            self.forward(x)
        finally:
            handle.remove()
        return like_inputs(caught[-1], x)

    def scrambled(self, seed: int) -> "TorchModel":
        generator = torch.Generator().manual_seed(seed)
        module = copy.deepcopy(self.module)
        with torch.no_grad():
            for weights in module.parameters():
                order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
                weights.copy_(weights.flatten()[order].reshape(weights.shape))
        name = fingerprint(self.spec.fingerprint, "scrambled", seed)
        offers = self.spec.offers - {Offer.EMBEDDINGS}
        spec = replace(self.spec, fingerprint=name, offers=offers)
        return TorchModel(spec, module, self._probed, None)

    def network(self) -> nn.Sequential:
        """Give a network of the module itself that takes inputs as they are and gives logits.

        A softmax at the end is left out: what it is given are logits too.

        Raises:
            NotAssessed: the inputs or outputs are converted in other ways.
        """
        parts = list(self.module) if type(self.module) is nn.Sequential else [self.module]
        is_plain = self._probed.reading == Reading.LOGITS
        if type(parts[-1]) in (nn.Softmax, nn.LogSoftmax) and parts[-1].dim in (1, -1):
            parts, is_plain = parts[:-1], True
        if not is_plain or self._probed.layout not in TORCH:
            raise NotAssessed(
                f"{self.spec.name} has no logits of each class to be bounded: its outputs are read "
                f"as {self._probed.reading.value}"
            )
        flat = [nn.Flatten()] if self._probed.layout == Layout.FLAT else []
        return nn.Sequential(*flat, *parts)

    def trees(self) -> TreeEnsemble:
        require(self, Offer.TREES)
        forest = _forest(self.module)
        assert forest is not None
        return forest.tree_ensemble(math.prod(self.spec.input_shape))

    def move(self, device: torch.device) -> None:
        self.module.to(device)


def wrap_module(
    module: nn.Module, dataset: Dataset, name: str | None = None, *, is_ours: bool = False
) -> TorchModel:
    """Make a model of a module; the module itself is left as it is, a copy is inspected.

    Args:
        module: any module that takes one tensor and gives one.
        dataset: says what inputs and outputs there must be.
        name: what the report calls it.
        is_ours: nobody else holds it, so that it need not be copied.

    Raises:
        InputError: it cannot be copied, take the inputs, or give outputs for the dataset.
    """
    was_training = not is_ours and any(part.training for part in module.modules())
    module = (module if is_ours else _copy(module)).cpu().eval().requires_grad_(False)
    dtype = _dtype_of(module)
    probed = probe(lambda x: module(_as_taken(x, dtype)), dataset)
    head = _head(module, probed, dataset)
    notes = probed.notes
    if was_training:
        notes = ("The model was in training mode; it is judged in evaluation mode.", *notes)
    if dtype not in (None, torch.float32):
        notes = (f"The model computes in {dtype}; inputs and outputs were converted.", *notes)
    # what has no parameters, such as a forest, keeps what it learned in buffers
    weights = list(module.parameters()) or list(module.buffers())
    state = [*module.parameters(), *module.buffers()]
    has_classes = dataset.task != Task.REGRESSION
    spec = ModelSpec(
        name=name or type(module).__name__,
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers
        | ({Offer.EMBEDDINGS} if head is not None else frozenset())
        | ({Offer.TREES} if has_classes and _forest(module) is not None else frozenset()),
        fingerprint=_fingerprint(module),
        parameters=sum(weight.numel() for weight in weights),
        size=sum(values.numel() * values.element_size() for values in state),
        stochastic=probed.is_stochastic,
        notes=notes,
    )
    return TorchModel(spec, module, probed, head)


def _copy(module: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(module)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise InputError(
            f"the module cannot be copied, and the original must not be changed: {error}"
        ) from error


def _dtype_of(module: nn.Module) -> torch.dtype | None:
    kinds = [weight.dtype for weight in module.parameters() if weight.is_floating_point()]
    return kinds[0] if kinds else None


def _as_taken(x: Tensor, dtype: torch.dtype | None) -> Tensor:
    """Give inputs in the precision that a module computes in; code points stay whole numbers."""
    return x.to(dtype) if dtype is not None and x.is_floating_point() else x


def _head(module: nn.Module, probed: Probed, dataset: Dataset) -> nn.Linear | None:
    """Find the last linear layer, if what it is given is one vector per input."""
    layers = [part for part in module.modules() if isinstance(part, nn.Linear)]
    if not layers:
        return None
    caught: list[Tensor] = []
    handle = layers[-1].register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    x = probe_rows(dataset)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        module(_as_taken(probed.layout.arrange(x), _dtype_of(module)))
    handle.remove()
    is_vector = bool(caught) and caught[-1].ndim == 2 and len(caught[-1]) == len(x)
    return layers[-1] if is_vector else None


def _forest(module: nn.Module) -> HoldsTrees | None:
    """Give the forest that is the whole module."""
    parts = list(module) if isinstance(module, nn.Sequential) else [module]
    return parts[0] if len(parts) == 1 and isinstance(parts[0], HoldsTrees) else None


def _fingerprint(module: nn.Module) -> str:
    # numpy knows no bfloat16; float32 holds each of its values
    state = {
        name: value.float() if _is_bfloat16(value) else value
        for name, value in module.state_dict().items()
    }
    return fingerprint(state, repr(module), sorted({_source(part) for part in module.modules()}))


def _is_bfloat16(value: object) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bfloat16


def _source(module: nn.Module) -> str:
    """Give the code that a module runs, as far as it can be known."""
    if isinstance(module, torch.fx.GraphModule):
        return str(module.code)
    if isinstance(module, torch.jit.ScriptModule):
        return str(module.inlined_graph)
    return _source_of(type(module))


@cache
def _source_of(kind: type[nn.Module]) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):  # typed into a console: no file holds it
        code = kind.forward.__code__
        return f"{code.co_code!r}{code.co_names}{[c for c in code.co_consts if c is not None]}"
