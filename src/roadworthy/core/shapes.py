from torch import Tensor


def per_sample(numbers: Tensor, like: Tensor) -> Tensor:
    """Shape one number per sample (N,) so that it multiplies inputs (N, …)."""
    return numbers.reshape(-1, *[1] * (like.ndim - 1))
