"""Transfer: what rests, what learns and how fast, and what a network starts with."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.func import functional_call

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.networks import build
from roadworthy.recipes import CNN, MLP
from roadworthy.sources.bundles import save_bundle
from roadworthy.strategies import (
    CORAL,
    LPFT,
    DiscriminativeRates,
    FineTune,
    GradualUnfreezing,
    LinearProbe,
    LoRA,
    SimCLR,
)
from roadworthy.strategies.layers import layers_of
from roadworthy.training.crew import Crew
from roadworthy.training.loop import Training, fit_plan
from roadworthy.training.plan import Batch, Machine
from roadworthy.training.trained import defended
from tests.toy_data import toy

SHORT = {"epochs": 2, "batch": 32}


def image_plan(*strategies, epochs=4, task=Task.NOMINAL):
    data = toy(task, "image")
    plan = CNN(width=8, epochs=epochs).plan(data, data.train, 0)
    for strategy in strategies:
        plan = strategy.apply(plan, Silent())
    return plan


def training_of(plan):
    torch.manual_seed(0)
    return Training.of(plan, Crew.of(Machine()))


def changes(plan):
    """Say after each step which layers, the lowest first, have changed since the one before."""
    training, seen = training_of(plan), []

    def copies():
        layers = layers_of(training.network)
        return [[weight.detach().clone() for weight in layer] for layer in layers]

    last = [copies()]

    def look(network, batch):
        now = copies()
        is_same = [
            all(torch.equal(a, b) for a, b in zip(old, new, strict=True))
            for old, new in zip(last[0], now, strict=True)
        ]
        seen.append([not same for same in is_same])
        last[0] = now

    training.plan = replace(plan, after=(*plan.after, look))
    training.run(Silent())
    return seen


def test_a_layer_is_what_has_weights_and_what_normalizes_it():
    network = build(image_plan().parts)
    shapes = [[tuple(weight.shape) for weight in layer] for layer in layers_of(network)]
    assert shapes[0] == [(8, 1, 3, 3), (8,), (8,), (8,)]  # a convolution and its normalization
    assert shapes[1] == [(8, 8, 3, 3), (8,)]
    assert shapes[-1] == [(3, 64), (3,)]
    every = sum(len(layer) for layer in layers_of(network))
    assert every == len([*network.parameters()])


def test_a_heads_own_weights_belong_to_the_last_layer():
    plan = image_plan(CORAL(), task=Task.ORDINAL)
    network = build(plan.parts)
    own = {id(weight) for weight in network[-1].parameters()}
    assert own
    assert own <= {id(weight) for weight in layers_of(network)[-1]}


def test_a_probe_changes_no_bit_below_the_last_layer():
    plan = image_plan(LinearProbe())
    assert all(step == [False] * (len(step) - 1) + [True] for step in changes(plan))


def test_a_probe_of_a_learned_representation_keeps_it():
    plan = image_plan(SimCLR(**SHORT), LinearProbe())
    network = fit_plan(plan, Silent()).state_dict()
    assert all(torch.equal(network[name], value) for name, value in plan.start.items())


def test_with_each_epoch_one_more_layer_learns():
    # 6 layers, 4 steps an epoch: twelve epochs are enough for one layer each
    seen = changes(image_plan(GradualUnfreezing(), epochs=12))
    layers = len(seen[0])
    for step, is_changed in enumerate(seen):
        awake = min(layers, step // 4 + 1)
        assert is_changed == [False] * (layers - awake) + [True] * awake


def test_where_epochs_are_few_all_layers_learn_in_the_second_half():
    seen = changes(image_plan(GradualUnfreezing(), epochs=2))
    assert seen[0] == [False] * (len(seen[0]) - 1) + [True]
    assert all(seen[len(seen) // 2])


def test_first_the_last_layer_learns_then_all():
    seen = changes(image_plan(LPFT(probe=0.5)))
    half = len(seen) // 2
    assert all(step == [False] * (len(step) - 1) + [True] for step in seen[:half])
    assert all(all(step) for step in seen[half:])


def test_each_layer_learns_slower_than_the_one_above():
    plan = image_plan(DiscriminativeRates())
    training = training_of(plan)
    training._set_rates()
    rates = [group["lr"] for group in training.adam.param_groups]
    assert rates[0] == pytest.approx(plan.schedule.rate)
    for above, below in pairwise(rates):
        assert above / below == pytest.approx(2.6)


# low-rank adaptation


def test_what_lora_adds_has_its_rank_and_the_rest_stays():
    plan = image_plan(SimCLR(**SHORT), LoRA(rank=2))
    network = fit_plan(plan, Silent()).state_dict()
    ranks = []
    for name, before in plan.start.items():
        if before.ndim < 2 or name.startswith("0."):
            assert torch.equal(network[name], before)
        else:
            added = (network[name] - before).flatten(1).double()
            ranks.append(int(torch.linalg.matrix_rank(added, rtol=1e-4)))
    assert ranks
    assert max(ranks) == 2
    assert min(ranks) > 0


def test_the_merged_weights_answer_as_weights_and_adapters_do():
    plan = image_plan(LoRA())
    training = training_of(plan)
    training.run(Silent())
    adapters, network, x = training.beside["lora"], training.network, plan.rows.x
    apart = dict(network.state_dict())
    names = [n for n, w in network.named_parameters() if w.ndim > 1 and ".head." not in n]
    for number, name in enumerate(names):
        base = adapters.get_buffer(f"base_{number}")
        apart[name] = base + (adapters.added(number)).reshape_as(base)
    network.eval()
    assert functional_call(network, apart, (x,)).allclose(network(x), atol=1e-5)


def test_adapters_get_the_gradients_of_the_product():
    plan = image_plan(LoRA(rank=3))
    training = training_of(plan)
    network, adapters = training.network, training.beside["lora"]
    for up in adapters.up:
        torch.nn.init.normal_(up, std=0.1)
    adapters.merge_into([w for w in network.parameters() if w.ndim > 1][:-1])
    rows = torch.arange(32)
    y = plan.rows.y[rows]
    batch = Batch(plan.rows.x[rows], y, y, rows, 0.0)
    plan.loss(network, batch).backward()
    names = [n for n, w in network.named_parameters() if w.ndim > 1][:-1]
    whole = {
        name: (adapters.get_buffer(f"base_{k}").flatten(1) + adapters.added(k)).reshape_as(
            network.get_parameter(name)
        )
        for k, name in enumerate(names)
    }
    loss = batch.loss(functional_call(network, whole, (batch.x,)))
    thin = [*adapters.down, *adapters.up]
    expected = torch.autograd.grad(loss, thin)
    for weight, gradient in zip(thin, expected, strict=True):
        assert weight.grad.allclose(gradient, atol=1e-6)
    assert all(network.get_parameter(name).grad is None for name in names)


def test_with_nothing_learned_lora_is_the_network_it_started_with():
    training = training_of(image_plan(LoRA()))
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    training.beside["lora"].merge_into(
        [w for w in training.network.parameters() if w.ndim > 1][:-1]
    )
    after = training.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


# fine-tuning


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    data = toy(Task.NOMINAL, "image")
    model = CNN(width=8, epochs=2).fit(data, data.train, 7, Silent())
    return model, str(save_bundle(model, tmp_path_factory.mktemp("bundle") / "source"))


def test_the_training_starts_with_the_bundles_weights_and_a_random_last_layer(bundle):
    model, source = bundle
    network = training_of(image_plan(FineTune(source=source))).network.state_dict()
    for name, value in model.inner.module.state_dict().items():
        assert torch.equal(network[name], value) != name.startswith("1.head.")


def test_the_last_layer_is_kept_where_that_is_asked_for(bundle):
    model, source = bundle
    network = training_of(image_plan(FineTune(source=source, keeps_head=True))).network
    held = model.inner.module.state_dict()
    assert all(torch.equal(network.state_dict()[name], value) for name, value in held.items())


def test_another_number_of_classes_is_no_hindrance_to_the_rest(bundle):
    _, source = bundle
    data = toy(Task.NOMINAL, "image")
    data = replace(data, classes=("a", "b", "c", "d", "e"))
    tuned = defended(CNN(width=8, epochs=1), (FineTune(source=source),))
    assert tuned.fit(data, data.train, 0, Silent())(data.test.x).shape == (40, 5)
    kept = defended(CNN(width=8, epochs=1), (FineTune(source=source, keeps_head=True),))
    with pytest.raises(InputError, match=r"another kind of network: 1\.head\.weight"):
        kept.fit(data, data.train, 0, Silent())


def test_another_network_is_refused(bundle):
    data = toy(Task.NOMINAL, "image")
    plan = CNN(width=16).plan(data, data.train, 0)
    with pytest.raises(InputError, match=r"another kind of network: 1\.stages"):
        FineTune(source=bundle[1]).apply(plan, Silent())
    with pytest.raises(InputError, match="another kind of network"):
        FineTune(source=bundle[1]).apply(MLP().plan(data, data.train, 0), Silent())


def test_what_is_no_bundle_is_refused(tmp_path):
    plan = image_plan()
    with pytest.raises(InputError, match="name it as the source"):
        FineTune().apply(plan, Silent())
    with pytest.raises(InputError, match=r"lacks weights\.safetensors"):
        FineTune(source=str(tmp_path)).apply(plan, Silent())
    (tmp_path / "weights.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="is damaged"):
        FineTune(source=str(tmp_path)).apply(plan, Silent())


def test_two_ways_to_say_how_fast_layers_learn_are_refused():
    with pytest.raises(InputError, match="both set the rates"):
        image_plan(LinearProbe(), LoRA())
