"""Pictures of many classes with few items each, for the promises of few-shot learners."""

import torch

from roadworthy.core.dataset import Split


def pictures(classes, items=8, first=0, name="pictures", noise=0.1, size=16):
    """Each class is a random pattern; its items add noise."""
    generator = torch.Generator().manual_seed(100 + first)
    patterns = torch.rand(classes, 1, 1, 4, 4, generator=generator).round()
    patterns = patterns.repeat_interleave(size // 4, 3).repeat_interleave(size // 4, 4)
    grain = torch.randn(classes, items, 1, size, size, generator=generator)
    x = (0.8 * patterns + noise * grain).clamp(0, 1).flatten(0, 1)
    y = first + torch.arange(classes).repeat_interleave(items)
    return Split(name, x, y, torch.arange(len(x)))
