"""Texts as tensors of Unicode code points, and back."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def to_codes(texts: Sequence[str], length: int = 1) -> Tensor:
    """Write texts as code points (N, L), with 0 behind the last one.

    A text must not end in the character of number 0, which no text holds.

    Args:
        texts: as they are.
        length: L at least.
    """
    array = np.array(list(texts), dtype=np.str_)
    longest = max(array.dtype.itemsize // 4, length, 1)  # numpy keeps four bytes per character
    padded = np.ascontiguousarray(array.astype(f"<U{longest}"))
    return torch.from_numpy(padded.view("<u4").reshape(len(array), longest).astype(np.int64))


def folded(x: Tensor) -> Tensor:
    """Write texts (N, L) without differences of case and of spaces, as code points again."""
    return to_codes([" ".join(text.casefold().split()) for text in to_texts(x)])


def to_texts(x: Tensor) -> list[str]:
    """Read code points (N, L) as texts, without the 0 behind them."""
    codes = np.ascontiguousarray(x.detach().cpu().numpy().astype("<u4"))
    texts: list[str] = codes.view(f"<U{codes.shape[1]}").reshape(len(codes)).tolist()
    return texts


def written_like(word: str, given: str) -> str:
    """Write a word with a capital, or in capitals, as another one is written."""
    if len(given) > 1 and given.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if given[:1].isupper() else word
