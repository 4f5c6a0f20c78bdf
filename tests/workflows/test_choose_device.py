"""Where an inspection runs."""

import pytest
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.sources import load_dataset, make_dataset
from roadworthy.workflows.inspection import choose_device
from tests.toy_data import toy


def test_a_gpu_is_taken_where_it_pays(monkeypatch):
    large = make_dataset(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 0, 1]))
    assert choose_device("auto", large) == "cpu"
    with pytest.raises(InputError, match="no CUDA device"):
        choose_device("cuda", large)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto", large) == "cuda"
    assert choose_device("auto", toy(Task.NOMINAL, "text")) == "cuda"
    assert choose_device("auto", load_dataset("digits")) == "cpu"
    assert choose_device("cuda", load_dataset("digits")) == "cuda"
    assert choose_device("cpu", large) == "cpu"
