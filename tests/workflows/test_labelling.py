import numpy as np
import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.queries import QUERIES, Margin, Random
from roadworthy.recipes import MLP
from roadworthy.sources import make_dataset
from roadworthy.workflows.labelling import next_items


@pytest.fixture(scope="module")
def data():
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    x = np.round(generator.normal(size=(120, 2)), 1)
    return make_dataset(x[:60], (x[:60, 0] > 0).astype(int), unlabelled=x[60:])


@pytest.fixture(scope="module")
def model(data):
    return MLP(epochs=20).fit(data, data.train, 0, Silent())


def test_the_rows_nearest_to_the_border_are_asked_for(data, model):
    items = next_items(data, Margin(), 10, model=model)
    sides = [abs(float(dict(item.values)["x0"])) for item in items]
    assert max(sides) < 0.6
    assert {item.row for item in items} <= set(data.unlabelled.ids.tolist())
    assert {item.guess for item in items} <= {"0", "1"}


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: q.card.name)
def test_every_query_can_be_asked_with_a_model(query, data, model):
    items = next_items(data, query(), 4, model=model, seed=1)
    assert len({item.row for item in items}) == 4


def test_without_a_model_rows_are_chosen_as_they_are(data):
    assert len(next_items(data, QUERIES.get("typiclust")(), 5)) == 5
    with pytest.raises(InputError, match="margin needs scores"):
        next_items(data, Margin(), 5)


def test_what_cannot_be_asked_is_said(data, model):
    with pytest.raises(InputError, match="--batch takes 1 to 24 rows, not 25"):
        next_items(data, Random(), 25, model=model)
    labelled = make_dataset(np.random.default_rng(0).random((20, 2)), np.arange(20) % 2)
    with pytest.raises(InputError, match="has no row without a target"):
        next_items(labelled, Random(), 5)
