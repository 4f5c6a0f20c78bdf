import functools
import subprocess
import sys

import numpy as np
import pytest
import torch

from roadworthy import wrap_model
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.frameworks.bridge import cross
from tests.frameworks import twins
from tests.frameworks.conftest import rows

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy


@pytest.fixture
def colored():
    generator = torch.Generator().manual_seed(0)
    return rows(torch.rand(60, 2, 6, 6, generator=generator), torch.arange(60) % 3)


def forward(parameters, x):
    (w, b), (v, c) = parameters
    return jnp.tanh(x @ w + b) @ v + c


WAYS = {
    "pair": lambda p: (forward, p),
    "partial": lambda p: functools.partial(forward, p),
    "closure": lambda p: lambda x: forward(p, jnp.asarray(x)),
    "jitted": lambda p: jax.jit(lambda x: forward(p, x)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_function_has_the_gradients_of_its_twin_in_torch(table, way):
    module = twins.mlp()
    model = wrap_model(WAYS[way](twins.arrays(module)), table)
    assert {Offer.SCORES, Offer.GRADIENTS} <= model.spec.offers
    twins.assert_same(model, module, table.test.x)


def test_gradients_are_those_of_jax(table):
    parameters = twins.arrays(twins.mlp())
    x = table.test.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(wrap_model((forward, parameters), table)(x)[:, 1].sum(), x)
    native = jax.grad(lambda x: forward(parameters, x)[:, 1].sum())(jnp.asarray(table.test.x))
    assert np.allclose(gradient.numpy(), native, atol=1e-5)


def test_an_attack_finds_what_it_finds_on_the_twin(table):
    module = twins.mlp()
    pair, twin = (forward, twins.arrays(module)), wrap_model(module, table)
    found = twins.robust_accuracy(wrap_model(pair, table), table, 0.05)
    assert found == twins.robust_accuracy(twin, table, 0.05)
    assert found < 1


def test_a_batch_that_shrinks_is_compiled_for_few_sizes(table):
    traced = []

    def counted(parameters, x):
        traced.append(len(x))
        return forward(parameters, x)

    model = wrap_model((counted, twins.arrays(twins.mlp())), table)
    for size in range(200, 0, -7):
        x = torch.randn(size, 4, requires_grad=True)
        model(x).sum().backward()
    assert sorted(set(traced)) == [8, 16, 32, 64, 128, 256]
    # each size once with its derivative; the rows of the first trial without, too
    assert len(traced) == 7


def test_large_batches_are_split(table):
    model = wrap_model((forward, twins.arrays(twins.mlp())), table)
    twins.assert_same(model, twins.mlp(), torch.randn(1300, 4))


def test_what_the_caller_changes_later_changes_no_gradient(table):
    model = wrap_model((lambda w, x: (x @ w) ** 2, np.ones((4, 3), np.float32)), table)
    x = torch.ones(8, 4, requires_grad=True)
    y = model(x)
    with torch.no_grad():
        x.zero_()
        y.detach().zero_()
    assert torch.equal(torch.autograd.grad(y.sum(), x)[0], torch.full((8, 4), 24.0))


def test_a_second_derivative_is_refused(table):
    model = wrap_model((forward, twins.arrays(twins.mlp())), table)
    x = table.test.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((model(x) ** 2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_labels_are_offered_as_labels(table):
    parameters = twins.arrays(twins.mlp())
    model = wrap_model((lambda p, x: forward(p, x).argmax(1), parameters), table)
    assert model.spec.offers == {Offer.LABELS}
    assert torch.equal(model(table.test.x).argmax(1), twins.mlp()(table.test.x).argmax(1))


def test_a_function_of_numpy_arrays_stays_one(table):
    (w, b), _ = twins.arrays(twins.mlp())
    model = wrap_model(lambda x: np.tanh(x @ w + b)[:, :3], table)
    assert Offer.GRADIENTS not in model.spec.offers


def test_the_fingerprint_follows_the_parameters(table):
    parameters = twins.arrays(twins.mlp())
    moved = [(w + 1e-6, b) for w, b in parameters]
    prints = [wrap_model((forward, p), table).spec.fingerprint for p in (parameters, moved)]
    again = wrap_model((forward, parameters), table).spec
    assert again.fingerprint == prints[0] != prints[1]
    assert (again.parameters, again.size) == (131, 524)


def test_who_uses_torch_alone_imports_no_jax():
    code = (
        "import sys, torch, roadworthy as rw\n"
        "data = rw.load_dataset('digits')\n"
        "net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\n"
        "rw.wrap_model(net, data), rw.wrap_model(lambda x: net(x), data)\n"
        "assert not {'jax', 'keras', 'tensorflow', 'paddle'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_flax_linen_modules_run_in_evaluation_mode_with_channels_last(colored):
    nn = pytest.importorskip("flax.linen", reason="Flax is not installed")

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            x = nn.relu(nn.Conv(4, (3, 3), padding="VALID")(x))
            x = nn.Dropout(0.5, deterministic=not train)(x)
            return nn.Dense(3)(x.reshape(len(x), -1))

    twin = twins.cnn()
    (kernel, bias), (weight, shift) = twins.arrays(twin)
    parameters = {
        "Conv_0": {"kernel": kernel, "bias": bias},
        "Dense_0": {"kernel": weight, "bias": shift},
    }
    for variables in (parameters, {"params": parameters}):
        model = wrap_model((Network(), variables), colored)
        twins.assert_same(model, twin, colored.test.x)
    assert any("channels last" in note for note in model.spec.notes)
    assert model.spec.name == "Network"


def test_flax_linen_batch_norm_uses_what_it_learned(table):
    nn = pytest.importorskip("flax.linen", reason="Flax is not installed")
    module = nn.Sequential([nn.Dense(3), nn.BatchNorm(use_running_average=True)])
    variables = module.init(jax.random.key(0), jnp.zeros((1, 4)))
    model = wrap_model((module, variables), table)
    x = table.test.x
    assert torch.allclose(model(x)[:5], model(x[:5]), atol=1e-6)


def test_flax_nnx_modules_run_in_evaluation_mode_and_are_left_alone(colored):
    nnx = pytest.importorskip("flax.nnx", reason="Flax is not installed")

    class Network(nnx.Module):
        def __init__(self, rngs):
            self.conv = nnx.Conv(2, 4, (3, 3), padding="VALID", rngs=rngs)
            self.drop = nnx.Dropout(0.5, rngs=rngs)
            self.linear = nnx.Linear(64, 3, rngs=rngs)

        def __call__(self, x):
            x = self.drop(nnx.relu(self.conv(x)))
            return self.linear(x.reshape(len(x), -1))

    twin, module = twins.cnn(), Network(nnx.Rngs(0))
    (kernel, bias), (weight, shift) = twins.arrays(twin)
    nnx.update(
        module,
        {"conv": {"kernel": kernel, "bias": bias}, "linear": {"kernel": weight, "bias": shift}},
    )
    module.train()
    twins.assert_same(wrap_model(module, colored), twin, colored.test.x)
    assert module.drop.deterministic is False


@pytest.mark.parametrize("with_rng", [True, False])
def test_haiku_functions_are_given_with_their_parameters(table, with_rng):
    hk = pytest.importorskip("haiku", reason="dm-haiku is not installed")
    network = hk.transform(lambda x: hk.nets.MLP([16, 3], activation=jnp.tanh)(x))
    twin = twins.mlp()
    (w, b), (v, c) = twins.arrays(twin)
    parameters = {"mlp/~/linear_0": {"w": w, "b": b}, "mlp/~/linear_1": {"w": v, "b": c}}
    pair = (network if with_rng else hk.without_apply_rng(network), parameters)
    twins.assert_same(wrap_model(pair, table), twin, table.test.x)


def test_haiku_functions_with_state_run_in_evaluation_mode(table):
    hk = pytest.importorskip("haiku", reason="dm-haiku is not installed")

    def network(x, is_training):
        return hk.BatchNorm(True, True, 0.9)(hk.Linear(3)(x), is_training)

    transformed = hk.transform_with_state(network)
    parameters, state = transformed.init(jax.random.key(0), jnp.ones((8, 4)), True)
    model = wrap_model((transformed, parameters, state), table)
    x = table.test.x
    assert torch.allclose(model(x)[:5], model(x[:5]), atol=1e-6)
    with pytest.raises(InputError, match="params, state"):
        wrap_model((transformed, parameters), table)


def test_equinox_modules_of_one_input_are_mapped_over_the_rows(table):
    eqx = pytest.importorskip("equinox", reason="Equinox is not installed")
    twin = twins.mlp()
    (w, b), (v, c) = twins.arrays(twin)
    network = eqx.nn.MLP(4, 3, 16, 1, activation=jnp.tanh, key=jax.random.key(0))
    layers = network.layers
    network = eqx.tree_at(
        lambda n: [n.layers[0].weight, n.layers[0].bias, n.layers[1].weight, n.layers[1].bias],
        network,
        [w.T, b, v.T, c],
    )
    dropped = eqx.nn.Sequential([network, eqx.nn.Dropout(0.5)])
    for module in (network, dropped):
        model = wrap_model(module, table)
        twins.assert_same(model, twin, table.test.x)
    assert any("one input at a time" in note for note in model.spec.notes)
    assert len(layers) == 2


def test_the_layout_that_is_right_is_kept_where_both_run(colored):
    truth = jnp.asarray(colored.test.x)
    y = jnp.asarray(colored.test.y)

    def nearest(_, x):  # knows the test images, channels last
        rows = jnp.moveaxis(truth, 1, -1).reshape(len(truth), -1)
        distance = ((x.reshape(len(x), 1, -1) - rows) ** 2).sum(-1)
        return jnp.stack([-jnp.where(y == k, distance, jnp.inf).min(1) for k in range(3)], 1)

    model = wrap_model((nearest, ()), colored)
    assert torch.equal(model(colored.test.x).argmax(1), colored.test.y)
    assert any("channels last" in note for note in model.spec.notes)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda p, x: x @ jnp.ones((5, 3)), "cannot take inputs of shape"),
        (lambda p, x: x[:, :2], "2 outputs, but toy has 3 classes"),
        (lambda p, x: (x, x), "tuple instead of one array"),
        (lambda p, x: x.sum(), "one number for all rows"),
        (lambda p, x: x[:, :3] * jnp.nan, "NaN"),
    ],
)
def test_what_does_not_fit_is_said(table, function, sentence):
    with pytest.raises(InputError, match=sentence):
        wrap_model((function, ()), table)


def test_crossing_needs_no_gradient():
    from roadworthy.frameworks.jax_function import JaxFunction

    function = JaxFunction(lambda p, x: x * p, np.float32([2.0]))
    assert torch.equal(cross(function, torch.ones(3, 2)), torch.full((3, 2), 2.0))
