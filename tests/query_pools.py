"""Pools of closed form, for which other libraries' picks could be written down."""

import torch

from roadworthy.core.query import Pool

ITEM, CLASS = torch.arange(40).double()[:, None], torch.arange(4).double()[None]


def waves(members=5):
    """Give 40 items in 3 dimensions with 3 labelled ones, and a committee's answers of 4 classes.

    No two items are alike; the first member is the model.
    """
    shift = 0.7 * torch.arange(members).double()[:, None, None] * ITEM.cos()
    logits = (3 * (ITEM * (CLASS + 1.3) + CLASS + shift).sin()).log_softmax(-1)
    i = ITEM[:, 0]
    x = torch.stack([(1.7 * i).sin(), (2.9 * i).cos(), (0.37 * i**1.5).sin()], 1)
    return Pool(x, x[:0], torch.zeros(0).long(), 4, logits[0], logits)
