"""Fitted Gaussian processes of scikit-learn written again in torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.gaussian_process import kernels
from sklearn.multiclass import OneVsRestClassifier
from torch import Tensor

from roadworthy.frameworks.expression import Expression, as_tensor
from roadworthy.frameworks.outputs import FLOOR

# the logistic function as a sum of five error functions: Williams and Barber 1998,
# doi:10.1109/34.735807, appendix A; scikit-learn has the same numbers
LAMBDAS = torch.tensor([0.41, 0.4, 0.37, 0.44, 0.39], dtype=torch.float64)
COEFS = torch.tensor(
    [-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654], dtype=torch.float64
)

Latent = Callable[[Tensor], tuple[Tensor, Tensor]]  # rows (N, D) to mean and variance, (N,) each
Between = Callable[[Tensor, Tensor], Tensor]  # rows (N, D) and (M, D) to covariances (N, M)


def gaussian_classification(head: Any) -> Expression | None:
    """Write the log-probabilities; None where a kernel is unknown or classes are paired."""
    latents = _latents(head)
    if latents is None:
        return None

    def scores(x: Tensor) -> Tensor:
        shares = torch.stack([_probability(*latent(x)) for latent in latents], 1)
        if shares.shape[1] == 1:
            shares = torch.cat([1 - shares, shares], 1)
        else:
            shares = shares / shares.sum(1, keepdim=True)
        return shares.clamp_min(FLOOR).log()

    return scores


def gaussian_variance(head: Any) -> Expression | None:
    """Write the variance (N, K) of each class's latent function; two classes share one."""
    latents = _latents(head)
    if latents is None:
        return None
    repeats = 2 if len(latents) == 1 else 1
    return lambda x: torch.stack([latent(x)[1] for latent in latents] * repeats, 1)


def gaussian_regression(head: Any) -> Expression | None:
    """Write the mean of the predictions; None where the kernel is unknown."""
    kernel = _between(head.kernel_)
    if kernel is None or (np.ndim(head._y_train_mean) > 0 and np.size(head._y_train_mean) > 1):
        return None
    rows, alpha = as_tensor(head.X_train_), as_tensor(head.alpha_).reshape(-1)
    scale, shift = (
        as_tensor(head._y_train_std).reshape(-1),
        as_tensor(head._y_train_mean).reshape(-1),
    )
    return lambda x: (kernel(x, rows) @ alpha) * scale + shift


def _latents(head: Any) -> list[Latent] | None:
    """Give one latent function per class, or one for two classes."""
    parts = [head.base_estimator_]
    if len(head.classes_) > 2:
        if not isinstance(parts[0], OneVsRestClassifier):
            return None
        parts = parts[0].estimators_
    latents = [_latent(part) for part in parts]
    return None if any(latent is None for latent in latents) else latents


def _latent(part: Any) -> Latent | None:
    """Write Rasmussen and Williams 2006, algorithm 3.2: the Laplace approximation's posterior."""
    kernel = _between(part.kernel_)
    if kernel is None:
        return None
    rows, residual = as_tensor(part.X_train_), as_tensor(part.y_train_ - part.pi_)
    root, factor = as_tensor(part.W_sr_), as_tensor(part.L_)

    def run(x: Tensor) -> tuple[Tensor, Tensor]:
        near = kernel(x, rows)
        v = torch.linalg.solve_triangular(factor, (near * root).T, upper=False)
        own = torch.vmap(lambda row: kernel(row[None], row[None])[0, 0])(x)
        return near @ residual, own + _noise(part.kernel_) - v.square().sum(0)

    return run


def _probability(mean: Tensor, variance: Tensor) -> Tensor:
    """Average the logistic function over the latent function."""
    mean, variance = mean[:, None], variance[:, None]
    reach = LAMBDAS * mean / (1 + 2 * LAMBDAS.square() * variance).sqrt()
    return (COEFS * torch.erf(reach)).sum(1) / 2 + COEFS.sum() / 2


def _noise(kernel: Any) -> float:
    """Give what white noise adds to a variance; it adds nothing between two inputs."""
    if isinstance(kernel, kernels.WhiteKernel):
        return float(kernel.noise_level)
    return _noise(kernel.k1) + _noise(kernel.k2) if isinstance(kernel, kernels.Sum) else 0.0


def _between(kernel: Any) -> Between | None:
    """Write a kernel; None where it is unknown, or noise is multiplied."""
    if isinstance(kernel, (kernels.Sum, kernels.Product)):
        first, second = _between(kernel.k1), _between(kernel.k2)
        if first is None or second is None:
            return None
        if isinstance(kernel, kernels.Sum):
            return lambda x, z: first(x, z) + second(x, z)
        has_noise = _noise(kernel.k1) or _noise(kernel.k2)
        return None if has_noise else lambda x, z: first(x, z) * second(x, z)
    build = KERNELS.get(type(kernel))
    return None if build is None else build(kernel)


def _squares(x: Tensor, z: Tensor) -> Tensor:
    return (x[:, None] - z[None]).square().sum(2)


def _constant(kernel: Any) -> Between:
    value = float(kernel.constant_value)
    return lambda x, z: x.new_full((len(x), len(z)), value)


def _rbf(kernel: Any) -> Between:
    length = as_tensor(kernel.length_scale)
    return lambda x, z: torch.exp(-_squares(x / length, z / length) / 2)


def _matern(kernel: Any) -> Between | None:
    length, nu = as_tensor(kernel.length_scale), kernel.nu
    if nu == np.inf:
        return _rbf(kernel)
    if nu not in (0.5, 1.5, 2.5):
        return None

    def run(x: Tensor, z: Tensor) -> Tensor:
        squares = _squares(x / length, z / length)
        # the root's derivative at 0 is infinite
        away = (2 * nu * squares).clamp_min(torch.finfo(x.dtype).tiny).sqrt()
        rise = {0.5: 1, 1.5: 1 + away, 2.5: 1 + away + away.square() / 3}[nu]
        return rise * torch.exp(-away)

    return run


def _quadratic(kernel: Any) -> Between:
    alpha, length = float(kernel.alpha), float(kernel.length_scale)
    return lambda x, z: (1 + _squares(x, z) / (2 * alpha * length**2)) ** -alpha


def _dot(kernel: Any) -> Between:
    sigma = float(kernel.sigma_0)
    return lambda x, z: x @ z.T + sigma**2


def _white(kernel: Any) -> Between:
    return lambda x, z: x.new_zeros(len(x), len(z))


KERNELS: dict[type, Callable[[Any], Between | None]] = {
    kernels.ConstantKernel: _constant,
    kernels.RBF: _rbf,
    kernels.Matern: _matern,
    kernels.RationalQuadratic: _quadratic,
    kernels.DotProduct: _dot,
    kernels.WhiteKernel: _white,
}
