import sys

import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.sources.datasets import load_dataset
from roadworthy.sources.models import load_model
from tests.sources.bad_models import BAD_MODELS


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder whose module is forgotten afterwards."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("mine", None)


@pytest.mark.parametrize(("name", "case"), BAD_MODELS, ids=[name for name, _ in BAD_MODELS])
def test_a_bad_model_is_refused_by_one_sentence_and_runs_nothing(name, case, tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "mine", raising=False)
    model, data, *options = case(tmp_path)
    with pytest.raises(InputError) as caught:
        load_model(model, load_dataset(data), trust="--trust" in options)
    assert 20 < len(str(caught.value)) < 560
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "sprung").exists()
