import numpy as np
import pytest
import torch

from roadworthy import wrap_model
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer

WEIGHTS = torch.tensor([[1.0, 0, -1], [0, 1, 0], [2, 0, 0], [0, 0, 1]])


def arrays(x):
    assert isinstance(x, np.ndarray)
    return x @ WEIGHTS.numpy()


def tensors(x):
    return x @ WEIGHTS


def test_a_function_of_arrays_offers_scores(table):
    model = wrap_model(arrays, table)
    assert model.spec.offers == {Offer.LABELS, Offer.SCORES}
    assert torch.allclose(model(table.test.x), table.test.x @ WEIGHTS)


def test_a_differentiable_function_of_tensors_offers_gradients(table):
    model = wrap_model(tensors, table)
    x = table.test.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x)[:, 2].sum(), x)
    assert Offer.GRADIENTS in model.spec.offers
    assert torch.equal(gradient, WEIGHTS[:, 2].expand_as(x))


def test_a_function_that_detaches_offers_no_gradients(table):
    assert Offer.GRADIENTS not in wrap_model(lambda x: tensors(x.detach()), table).spec.offers


@pytest.mark.parametrize(
    "labels", [lambda x: arrays(x).argmax(1), lambda x: arrays(x).argmax(1).astype(float)]
)
def test_labels_are_offered_as_labels(table, labels):
    model = wrap_model(labels, table)
    outputs = model(table.test.x)
    assert model.spec.offers == {Offer.LABELS}
    assert torch.equal(outputs.argmax(1), (table.test.x @ WEIGHTS).argmax(1))
    assert torch.equal(outputs.sum(1), torch.ones(60))


def test_class_names_are_labels(binary):
    model = wrap_model(lambda x: np.where(np.asarray(x)[:, 0] > 0, "yes", "no"), binary)
    assert torch.equal(model(binary.test.x).argmax(1) == 1, binary.test.x[:, 0] > 0)


def test_a_list_of_numbers_is_read(numbers):
    model = wrap_model(lambda x: [float(row[0]) for row in x], numbers)
    assert torch.allclose(model(numbers.test.x), numbers.test.x[:, 0])


def test_the_hash_follows_what_the_function_gives(table):
    def scaled(factor):
        return wrap_model(lambda x: factor * tensors(x), table).spec.fingerprint

    assert scaled(1.0) == scaled(1.0)
    assert scaled(1.0) != scaled(2.0)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda x: np.full((len(x), 3), np.nan), "NaN"),
        (lambda x: np.zeros((len(x), 2)), "2 outputs, but toy has 3 classes"),
        (lambda x: arrays(x).argmax(1) + 1, "labels from 1 to 3"),
        (lambda x: ["maybe"] * len(x), "'maybe', which toy does not have"),
        (lambda x: arrays(x)[:, 0], "must give 3 scores per row"),
        (lambda x: x @ WEIGHTS[:2], "cannot take inputs of shape"),
        (lambda x: None, "NoneType instead of one array"),
    ],
)
def test_what_does_not_fit_is_said(table, function, sentence):
    with pytest.raises(InputError, match=sentence):
        wrap_model(function, table)


def test_what_is_no_model_is_said(table):
    with pytest.raises(InputError, match="list is no model"):
        wrap_model([1, 2], table)
