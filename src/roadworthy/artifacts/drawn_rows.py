import torch
from torch import Tensor

from roadworthy.core.artifact import Subject
from roadworthy.core.fingerprint import fingerprint


def drawn_rows(subject: Subject, n: int, split: str = "test") -> Tensor:
    """Draw at most n rows of a split: (R,). All who ask get the same; fewer are first of more."""
    seed = int(fingerprint(subject.seed, "drawn rows")[:15], 16)
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(len(subject.dataset.split(split)), generator=generator)[:n]


def some_rows(n: int, most: int, seed: int) -> Tensor:
    """Draw at most so many of n row numbers without repetition, in order: (R,)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(n, generator=generator)[:most].sort().values
