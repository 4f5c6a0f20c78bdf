import torch
from sklearn.datasets import load_digits

from roadworthy.sources import load_dataset


def test_the_digits_are_scikit_learns():
    data, theirs = load_dataset("digits"), load_digits()
    for split in data.splits:
        rows = split.ids.numpy()
        assert torch.equal(split.x[:, 0] * 16, torch.from_numpy(theirs.images[rows]).float())
        assert torch.equal(split.y, torch.from_numpy(theirs.target[rows]))
