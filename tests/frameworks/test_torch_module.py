import pytest
import torch
from torch import nn

from roadworthy import wrap_model
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer, PassCount


def linear(inputs=4, outputs=3):
    torch.manual_seed(0)
    return nn.Linear(inputs, outputs)


class Through(nn.Module):
    """Computes whatever it is given to compute."""

    def __init__(self, function, inputs=4, outputs=3):
        super().__init__()
        self.linear = linear(inputs, outputs)
        self.function = function

    def forward(self, x):
        return self.function(self.linear(x))


def test_outputs_are_the_modules_logits(table):
    module = linear()
    model = wrap_model(module, table)
    assert torch.equal(model(table.test.x), module(table.test.x))


def test_gradients_by_the_input_are_exact(table):
    module = linear()
    x = table.test.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(wrap_model(module, table)(x)[:, 1].sum(), x)
    assert torch.equal(gradient, module.weight[1].detach().expand_as(x))


def test_passes_are_counted(table):
    model = wrap_model(linear(), table)
    x = table.test.x.clone().requires_grad_()
    model(x).sum().backward()
    assert (model.passes.forward, model.passes.backward) == (len(x), len(x))


def test_a_module_in_training_mode_is_judged_in_evaluation_mode_and_left_alone(table):
    module = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)).train()
    module[1].eval()
    model = wrap_model(module, table)
    assert torch.equal(model(table.test.x), module[0](table.test.x))
    assert [part.training for part in module.modules()] == [True, True, False]
    assert any("training mode" in note for note in model.spec.notes)


def test_the_callers_parameters_keep_their_gradients_and_flags(table):
    module = linear()
    x = table.test.x.clone().requires_grad_()
    wrap_model(module, table)(x).sum().backward()
    assert module.weight.grad is None
    assert module.weight.requires_grad


def test_batch_norm_does_not_move(pictures):
    module = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(36, 3)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    wrap_model(module, pictures)(pictures.test.x)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_embeddings_are_the_input_of_the_last_linear_layer(table):
    module = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    model = wrap_model(module, table)
    assert Offer.EMBEDDINGS in model.spec.offers
    assert torch.equal(model.embed(table.test.x), module[:2](table.test.x))


def test_passes_to_and_from_embeddings_are_counted(table):
    model = wrap_model(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), table)
    model.passes = PassCount()
    model.embed(table.test.x.clone().requires_grad_()).sum().backward()
    n = len(table.test.x)
    assert model.passes == PassCount(forward=n, backward=n)


def test_no_linear_layer_means_no_embeddings(pictures):
    module = nn.Sequential(nn.Conv2d(1, 3, 6), nn.Flatten())
    assert Offer.EMBEDDINGS not in wrap_model(module, pictures).spec.offers


def test_probabilities_become_their_logarithm(table):
    model = wrap_model(Through(lambda z: z.softmax(1)), table)
    expected = linear()(table.test.x).log_softmax(1)
    assert torch.allclose(model(table.test.x), expected, atol=1e-5)
    assert any("logarithm" in note for note in model.spec.notes)


@pytest.mark.parametrize("squeeze", [False, True])
def test_one_logit_becomes_two(binary, squeeze):
    last = (lambda z: 3 * z[:, 0]) if squeeze else (lambda z: 3 * z)
    model = wrap_model(Through(last, outputs=1), binary)
    outputs = model(binary.test.x)
    assert torch.equal(outputs[:, 0], torch.zeros(len(outputs)))
    assert torch.equal(outputs[:, 1], 3 * linear(4, 1)(binary.test.x)[:, 0])


def test_one_probability_becomes_two_logits(binary):
    model = wrap_model(Through(torch.sigmoid, outputs=1), binary)
    logit = linear(4, 1)(binary.test.x)[:, 0]
    outputs = model(binary.test.x)
    assert torch.allclose(outputs[:, 1] - outputs[:, 0], logit, atol=1e-5)


def test_regression_gives_one_number_per_row(numbers):
    assert wrap_model(linear(4, 1), numbers)(numbers.test.x).shape == (len(numbers.test),)


def test_images_are_flattened_for_a_module_that_wants_rows(pictures):
    model = wrap_model(linear(36, 3), pictures)
    assert torch.equal(model(pictures.test.x), linear(36, 3)(pictures.test.x.flatten(1)))
    assert any("flattened" in note for note in model.spec.notes)


def test_a_double_module_takes_and_gives_floats(table):
    model = wrap_model(linear().double(), table)
    assert model(table.test.x).dtype == torch.float32
    assert any("float64" in note for note in model.spec.notes)


def test_a_module_that_draws_random_numbers_is_stochastic(table):
    assert wrap_model(Through(lambda z: z + torch.randn_like(z)), table).spec.stochastic


def test_trying_a_module_leaves_the_callers_random_numbers_alone(table):
    module = Through(lambda z: z + torch.randn_like(z))
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    wrap_model(module, table)
    assert torch.equal(torch.rand(1), expected)


def test_the_fingerprint_follows_weights_and_architecture(table):
    first, same = wrap_model(linear(), table), wrap_model(linear(), table)
    moved = linear()
    moved.weight.data[0, 0] += 1
    others = [wrap_model(moved, table), wrap_model(nn.Sequential(linear()), table)]
    prints = {first.spec.fingerprint, *(other.spec.fingerprint for other in others)}
    assert same.spec.fingerprint == first.spec.fingerprint
    assert len(prints) == 3


def test_size_is_that_of_the_parameters(table):
    spec = wrap_model(linear(), table).spec
    assert (spec.parameters, spec.size) == (15, 60)


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (linear(4, 5), "5 outputs, but toy has 3 classes"),
        (linear(4, 4), "leaves the first output out"),
        (linear(7, 3), r"inputs of shape \(60, 4\).*RuntimeError"),
        (Through(lambda z: z * float("nan")), "NaN"),
        (Through(lambda z: {"logits": z}), "dict instead of one array"),
        (Through(lambda z: z.sum()), "instead of one array"),
        (Through(lambda z: z[:10]), "first axis must be the rows"),
        (Through(lambda z: z.argmax(1) + 1), "give the labels minus 1"),
    ],
)
def test_what_does_not_fit_is_said(table, module, sentence):
    with pytest.raises(InputError, match=sentence):
        wrap_model(module, table)


def test_a_module_that_runs_on_flat_images_is_judged_by_its_outputs_there(pictures):
    with pytest.raises(InputError, match="5 outputs, but toy has 3 classes"):
        wrap_model(linear(36, 5), pictures)


def test_a_class_is_not_a_model(table):
    with pytest.raises(InputError, match="give an instance"):
        wrap_model(nn.Linear, table)
