import numpy as np
import torch

from roadworthy.core.dataset import Split


def split(n, missing=None, **columns):
    columns = {name: np.array([value] * n) for name, value in columns.items()}
    return Split("train", torch.ones(n, 2), torch.zeros(n), torch.arange(n), columns, missing)


def test_splits_put_together_keep_what_all_of_them_know():
    gaps = torch.tensor([[True, False]] * 3)
    whole = Split.together("all", split(3, gaps, site="A", sex="F"), split(2, site="B"))
    assert whole.x.shape == (5, 2)
    assert whole.ids.tolist() == [0, 1, 2, 3, 4]
    assert whole.columns["site"].tolist() == ["A", "A", "A", "B", "B"]
    assert list(whole.columns) == ["site"]
    assert whole.missing.tolist() == [[True, False]] * 3 + [[False, False]] * 2
    assert whole.take(torch.tensor([0, 4])).missing.tolist() == [[True, False], [False, False]]


def test_where_nothing_is_missing_nothing_is_said_of_it():
    assert Split.together("all", split(3), split(2)).missing is None
