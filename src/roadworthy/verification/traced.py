import inspect
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from roadworthy.core.errors import NotAssessed

# what a function or method does, as the module that does the same
MODULES: dict[Any, type[nn.Module]] = {
    torch.relu: nn.ReLU,
    functional.relu: nn.ReLU,
    "relu": nn.ReLU,
    torch.tanh: nn.Tanh,
    "tanh": nn.Tanh,
    torch.sigmoid: nn.Sigmoid,
    "sigmoid": nn.Sigmoid,
    torch.flatten: nn.Flatten,
    "flatten": nn.Flatten,
    functional.max_pool2d: nn.MaxPool2d,
    functional.avg_pool2d: nn.AvgPool2d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
}


class Tracer(fx.Tracer):
    """Follows a module's code down to modules of known kinds.

    Args:
        known: kinds that are not looked into.
    """

    def __init__(self, known: frozenset[type[nn.Module]]) -> None:
        super().__init__()
        self.known = known

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in self.known or super().is_leaf_module(m, module_qualified_name)


def traced(module: nn.Module, known: frozenset[type[nn.Module]]) -> list[nn.Module]:
    """Give the modules that a module's own code calls, if it calls one on what the last gave.

    Functions such as `torch.relu` become the modules that do the same.

    Args:
        module: its `forward` is Python code.
        known: kinds of modules that are not looked into.

    Raises:
        NotAssessed: the code branches, or does something that no module stands for.
    """
    name = type(module).__name__
    try:
        graph = Tracer(known).trace(module)
    except (fx.proxy.TraceError, TypeError, RuntimeError, ValueError, AttributeError) as error:
        raise NotAssessed(f"no bounds are known for {name}: {str(error)[:120]}") from None
    steps, last = [], None
    for node in graph.nodes:
        is_next = last is None if node.op == "placeholder" else node.all_input_nodes == [last]
        if not is_next:
            raise NotAssessed(
                f"no bounds are known for {name}: it does not make one step after the other "
                f"(look at {node.name})"
            )
        if node.op not in ("placeholder", "output"):
            steps.append(_as_module(module, node, name))
        last = node
    return steps


def _as_module(module: nn.Module, node: fx.Node, name: str) -> nn.Module:
    if node.op == "call_module":
        return module.get_submodule(str(node.target))
    if node.target not in MODULES:
        raise NotAssessed(f"no bounds are known for {name}: it calls {node.name}")
    kind = MODULES[node.target]
    settings = {key: value for key, value in node.kwargs.items() if key != "input"}
    settings.pop("inplace", None)
    names = list(inspect.signature(kind).parameters)
    settings |= dict(zip(names, node.args[1:], strict=False)) if kind is not nn.ReLU else {}
    if kind is nn.Flatten:  # the function begins at the first axis, the module at the second
        settings.setdefault("start_dim", 0)
    try:
        return kind(**settings).eval()
    except TypeError as error:
        raise NotAssessed(f"no bounds are known for {name}: {node.name}, {error}") from None
