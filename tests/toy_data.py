"""Data that any learner gets right, for the promises that every recipe and defense makes."""

import torch

from roadworthy.core.dataset import Dataset, Feature, Split, Task
from roadworthy.core.text import to_codes


def toy(task, kind):
    """Bright or dark pictures, rows whose first number decides, or words; easy to learn."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(160, *((1, 8, 8) if kind == "image" else (5,)), generator=generator)
    level = torch.rand(160, generator=generator)
    features = ()
    if kind == "text":
        names = ("low", "middle", "high")
        x = to_codes([f"It is {names[int(3 * each)]}, row {k}." for k, each in enumerate(level)])
    elif kind == "image":
        x = 0.2 * x + 0.8 * level[:, None, None, None]
    else:
        x = torch.cat([level[:, None], x[:, 1:4], (x[:, 4:] * 3).floor()], 1)
        category = Feature("d", "category", ("u", "v", "w"))
        features = (*(Feature(name) for name in "abc"), Feature("e"), category)[:5]
    if kind == "text":  # words say no more
        level = (3 * level).floor() / 3
    y = 100 * level if task == Task.REGRESSION else (level * 3).long()
    classes = () if task == Task.REGRESSION else ("low", "middle", "high")
    ids = torch.arange(160)
    splits = (
        Split("train", x[:120], y[:120], ids[:120]),
        Split("test", x[120:], y[120:], ids[120:]),
    )
    return Dataset("toy", task, classes, splits, features)
