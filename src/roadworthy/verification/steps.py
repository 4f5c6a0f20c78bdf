import copy

import torch
from torch import nn

from roadworthy.core.errors import NotAssessed
from roadworthy.networks.cnn import CNN
from roadworthy.networks.image_scaler import ImageScaler
from roadworthy.networks.linear import Linear
from roadworthy.networks.mlp import MLP
from roadworthy.networks.strided_cnn import StridedCNN
from roadworthy.networks.tabular_encoder import TabularEncoder
from roadworthy.verification.normalization import Centering, Rescaling
from roadworthy.verification.traced import traced

# elementwise, never falling
MONOTONE = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Hardtanh)
POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
AFFINE = (
    nn.Linear,
    nn.Conv2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.Flatten,
    Centering,
    ImageScaler,
)
KNOWN = frozenset({*MONOTONE, *POOLS, *AFFINE, Rescaling, nn.GroupNorm, TabularEncoder})
IDLE = frozenset({nn.Identity, nn.Dropout, nn.Dropout2d})  # in evaluation mode
LEAVES = frozenset({*KNOWN, *IDLE, nn.Sequential, MLP, Linear, CNN})

Steps = tuple[nn.Module, ...]


def unroll(network: nn.Module, dtype: torch.dtype | None = None) -> Steps:
    """Give the steps that a network makes one after the other, each of a known kind.

    A kind is known by its exact class: what inherits from it may do something else.

    Args:
        network: a `torch.nn.Sequential` of known modules, one of our networks, or a module whose
            own code makes one step after the other; in evaluation mode.
        dtype: makes a copy that computes in it; None gives the network's own modules.

    Raises:
        NotAssessed: it holds a module whose bounds are not known.
    """
    if dtype is not None:
        network = copy.deepcopy(network).to(dtype)
    return tuple(_unrolled(network))


def _unrolled(module: nn.Module) -> list[nn.Module]:
    kind = type(module)
    if module._forward_hooks or module._forward_pre_hooks:
        raise NotAssessed(f"a hook of {kind.__name__} may change its outputs: bounds are not known")
    if kind is nn.Sequential:
        return [step for part in module for step in _unrolled(part)]
    if kind is MLP:
        return [nn.Flatten(), *_unrolled(module.layers), module.head]
    if kind is Linear:
        return [nn.Flatten(), module.head]
    if kind in (CNN, StridedCNN):
        parts = [*_unrolled(module.stages), nn.Flatten(), *_unrolled(module.body), nn.ReLU()]
        return [*parts, *_unrolled(module.head)]
    if kind in IDLE:
        return []
    if kind not in KNOWN and next(module.children(), None) is not None and not _is_torchs(kind):
        return [step for part in traced(module, LEAVES) for step in _unrolled(part)]
    if kind not in KNOWN:
        raise NotAssessed(
            f"no bounds are known for {kind.__name__}: they are for networks of linear and "
            "convolutional layers, ReLU, pooling and normalization, one after the other"
        )
    if kind is nn.GroupNorm:
        return [Centering(module.num_groups), Rescaling(module)]
    _check_settings(module)
    return [module]


def _check_settings(module: nn.Module) -> None:
    """Refuse settings under which a module does something else."""
    is_odd = (
        (type(module) is nn.Conv2d and module.padding_mode != "zeros")
        or (type(module) is nn.MaxPool2d and module.return_indices)
        or (type(module) is nn.Flatten and (module.start_dim, module.end_dim) != (1, -1))
        or (type(module) is nn.AvgPool2d and module.divisor_override is not None)
        or (type(module) is nn.ELU and module.alpha < 0)
        or (type(module) is nn.LeakyReLU and module.negative_slope < 0)
        or (type(module) is nn.Softplus and module.beta <= 0)
        or (isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and _is_of_the_batch(module))
    )
    if is_odd:
        raise NotAssessed(f"no bounds are known for these settings: {module}")


def _is_of_the_batch(module: nn.BatchNorm1d | nn.BatchNorm2d) -> bool:
    return module.training or module.running_mean is None


def _is_torchs(kind: type[nn.Module]) -> bool:
    return kind.__module__.startswith("torch.")
