"""Every strategy against the promises of its kind."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from roadworthy.checks import CHECKS
from roadworthy.core.dataset import KINDS, Roles, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.recipes import CNN, MLP, TextTransformer
from roadworthy.sources.bundles import load_bundle, save_bundle
from roadworthy.strategies import STRATEGIES
from roadworthy.training.crew import PRECISIONS
from roadworthy.training.loop import fit_plan
from roadworthy.training.plan import Machine
from roadworthy.training.strategy import Strategy
from roadworthy.training.trained import Defended, defended, fit_network, plan_of
from roadworthy.workflows.training import with_labels
from tests.toy_data import toy

SHORT = {"epochs": 2, "batch": 32}  # of a pre-training
# settings that make a strategy cheap enough for a test, by its name
USUAL: dict[str, dict] = {
    "barlow-twins": SHORT,
    "band-ablation": {"band": 7},
    "byol": SHORT,
    "context-prediction": SHORT,
    "defensive-distillation": {"temperature": 4.0},  # 20 takes more steps than the toys have
    "dino": SHORT,
    "eat": {"others": 1},
    "ibp-training": {"eps": 0.005},
    "mixmatch": {"weight": 3.0},  # mixes replace the one number that the toys' classes hang on
    "self-training": {"threshold": 1 / 3},  # two epochs make no network sure
    "lp-ft": {"slow": 1.0},  # the toys have no weights worth keeping
    "mae": SHORT,
    "masked-language-model": SHORT,
    "rotation": SHORT,
    "scarf": SHORT,
    "simclr": SHORT,
    "swav": SHORT,
    "vicreg": SHORT,
}
NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
SOURCES: dict[str, str] = {}  # bundles by the kind of their inputs
CASES = [(strategy, kind) for strategy in STRATEGIES for kind in sorted(strategy.kinds)]
every_case = pytest.mark.parametrize(
    ("strategy", "kind"), CASES, ids=[f"{s.card.name}-{kind}" for s, kind in CASES]
)
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.card.name)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def flawed(task, kind):
    """Give toy data with what strategies look for.

    Groups, sources, copies, wrong labels, and rows without any.
    """
    data = toy(task, kind)
    train, test = data.splits
    x, y = train.x.clone(), train.y.clone()
    x[:5], y[:5] = test.x[:5], test.y[:5]
    if task != Task.REGRESSION:
        y[5:13] = (y[5:13] + 1) % 3
    sides = np.where(torch.arange(160) % 3 == 0, "left", "right")
    unknown = torch.full_like(y[:12], float("nan") if task == Task.REGRESSION else -1)
    train = replace(
        train,
        x=torch.cat([x, x[40:52] if kind == "text" else 0.98 * x[40:52]]),
        y=torch.cat([y, unknown]),
        ids=torch.arange(132),
        columns={"side": sides[:132]},
    )
    test = replace(test, columns={"side": sides[120:160]})
    return replace(data, splits=(train, test), roles=Roles(sensitive=("side",), environment="side"))


@pytest.fixture(scope="module", autouse=True)
def sources(tmp_path_factory):
    """Save a bundle of each kind for fine-tune to start with."""
    for kind in KINDS:
        data = toy(Task.NOMINAL, kind)
        model = recipe(kind, 2).fit(data, data.train, 7, Silent())
        SOURCES[kind] = str(save_bundle(model, tmp_path_factory.mktemp("source") / kind))


def usual(strategy, kind="image"):
    given = {"source": SOURCES[kind]} if strategy.card.name == "fine-tune" else {}
    return strategy(**USUAL.get(strategy.card.name, {}), **given)


def task_of(strategy):
    """Choose a task that it knows."""
    return Task.NOMINAL if Task.NOMINAL in strategy.tasks else Task.ORDINAL


def recipe(kind, epochs):
    if kind == "text":
        return TextTransformer(words=50, width=16, heads=2, epochs=epochs)
    return CNN(width=8, epochs=epochs) if kind == "image" else MLP(epochs=epochs)


def fit(strategy, data, epochs=2, seed=0):
    changed = defended(recipe(data.kind, epochs), (usual(strategy, data.kind),))
    return changed.fit(data, data.train, seed, Silent())


@every_case
def test_it_still_learns_a_toy_task(strategy, kind):
    data = flawed(task_of(strategy), kind)
    model = fit(strategy, data, epochs=20 if kind == "image" else 60)
    assert (model(data.test.x).argmax(1) == data.test.y).float().mean() > 0.7


@NO_GPU
@every_case
@pytest.mark.parametrize("precision", PRECISIONS)
def test_it_learns_on_a_gpu(strategy, kind, precision):
    machine, data = Machine("cuda", precision=precision), flawed(task_of(strategy), kind)
    changed = defended(recipe(kind, 20 if kind == "image" else 60), (usual(strategy, kind),))
    model = fit_network(changed, data, data.train, 0, Silent(), machine)
    assert (model(data.test.x).argmax(1) == data.test.y).float().mean() > 0.7


@every_case
def test_it_changes_the_training(strategy, kind):
    data = flawed(task_of(strategy), kind)
    plain = recipe(kind, 2).fit(data, data.train, 0, Silent())
    model = fit(strategy, data)
    assert model.spec.fingerprint != plain.spec.fingerprint
    assert not torch.equal(model(data.test.x), plain(data.test.x))


@every_case
def test_the_same_seed_gives_the_same_bits(strategy, kind):
    data = flawed(task_of(strategy), kind)
    first, second = fit(strategy, data, seed=5), fit(strategy, data, seed=5)
    assert torch.equal(first(data.test.x), second(data.test.x))
    assert not torch.equal(first(data.test.x), fit(strategy, data, seed=6)(data.test.x))


@every_case
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(strategy, kind, tmp_path):
    data = flawed(task_of(strategy), kind)
    changed = defended(recipe(kind, 3), (usual(strategy, kind),))
    whole = fit(strategy, data, epochs=3)

    def plan():
        machine = Machine(folder=tmp_path)
        return plan_of(changed, data, data.train, 0, Silent(), machine)

    seen = []

    def stop(network):
        seen.append(network)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_plan(replace(plan(), watch=stop), Silent())
    network = fit_plan(replace(plan(), watch=seen.append), Silent())
    assert len(seen) == 4  # two before, and two after of which one is made again
    assert torch.equal(network(data.test.x), whole.inner.module(data.test.x))


def test_a_training_does_not_go_on_from_another_one(tmp_path):
    data, machine = flawed(Task.NOMINAL, "tabular"), Machine(folder=tmp_path)
    asked = (recipe("tabular", 3), data, data.train, 0, Silent(), machine)
    first, rows = plan_of(*asked), data.train
    fit_plan(first, Silent())
    assert plan_of(*asked).machine == first.machine
    fewer = with_labels(rows, torch.arange(len(rows) // 2))
    others = [
        plan_of(recipe("tabular", 4), data, rows, 0, Silent(), machine),
        plan_of(recipe("tabular", 3), data, fewer, 0, Silent(), machine),
        plan_of(recipe("tabular", 3), data, rows, 1, Silent(), machine),
        plan_of(recipe("tabular", 3), data, rows, 0, Silent(), machine, 500),
    ]
    for other in others:
        alone = fit_plan(replace(other, machine=Machine()), Silent())
        assert torch.equal(fit_plan(other, Silent())(data.test.x), alone(data.test.x))


@NO_GPU
@every_case
def test_a_training_on_a_gpu_that_was_stopped_goes_on_to_the_same_weights(strategy, kind, tmp_path):
    data = flawed(task_of(strategy), kind)
    changed = defended(recipe(kind, 3), (usual(strategy, kind),))
    start = torch.cuda.get_rng_state()

    def plan(folder):
        return plan_of(changed, data, data.train, 0, Silent(), Machine("cuda", folder=folder))

    def stop(network):
        raise KeyboardInterrupt

    whole = fit_plan(plan(None), Silent())
    with pytest.raises(KeyboardInterrupt):
        fit_plan(replace(plan(tmp_path), watch=stop), Silent())
    network = fit_plan(plan(tmp_path), Silent())
    # sums of parallel threads come in any order
    assert torch.allclose(network(data.test.x), whole(data.test.x), atol=1e-3)
    assert torch.equal(torch.cuda.get_rng_state(), start)


@every_case
def test_the_callers_random_numbers_and_rows_are_left_alone(strategy, kind):
    data = flawed(task_of(strategy), kind)
    before = data.train.x.clone(), data.train.y.clone()
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    fit(strategy, data)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(data.train.x, before[0])
    assert torch.equal(data.train.y, before[1])


@every_case
def test_a_saved_model_is_trained_again_with_it(strategy, kind, tmp_path):
    data = flawed(task_of(strategy), kind)
    model = fit(strategy, data)
    again = load_bundle(save_bundle(model, tmp_path / "bundle"), data)
    assert again.recipe == model.recipe
    assert isinstance(again.recipe, Defended)
    assert torch.equal(again(data.test.x), model(data.test.x))
    half = data.train.take(torch.arange(0, 132, 2))  # with and without targets
    assert torch.equal(again.refit(half, 1)(data.test.x), model.refit(half, 1)(data.test.x))


@every_strategy
def test_tasks_and_kinds_that_it_does_not_know_are_refused(strategy):
    for task in Task:
        for kind in KINDS:
            if task in (Task.NOMINAL, Task.ORDINAL, Task.REGRESSION):
                knows = task in strategy.tasks and kind in strategy.kinds
                changed = defended(recipe(kind, 1), (usual(strategy, kind),))
                if not knows:
                    data = flawed(task, kind)
                    with pytest.raises(InputError, match="but toy is"):
                        changed.fit(data, data.train, 0, Silent())


@every_strategy
def test_the_page_explains_every_setting_and_names_a_source(strategy):
    assert issubclass(strategy, Strategy)
    for part in fields(strategy):
        assert f"{part.name}: " in strategy.__doc__
    assert "Source: " in strategy.__doc__
    assert replace(strategy()) == strategy()


@every_strategy
def test_what_it_fixes_is_a_check(strategy):
    assert set(strategy.card.fixes) <= {check.code for check in CHECKS}
    assert strategy.card.safety == "retrains"


def test_two_strategies_for_one_part_are_refused():
    data = flawed(Task.NOMINAL, "image")
    both = tuple(STRATEGIES.get(name)() for name in ("trades", "adversarial-training"))
    with pytest.raises(InputError, match="trades both set the objective"):
        defended(CNN(epochs=1), both).fit(data, data.train, 0, Silent())


def test_who_looks_on_sees_the_network_with_its_head():
    data = flawed(Task.ORDINAL, "tabular")
    changed = defended(recipe("tabular", 2), (STRATEGIES.get("coral")(),))
    seen = []
    plan = plan_of(changed, data, data.train, 0, Silent())
    fit_plan(replace(plan, watch=lambda network: seen.append(network(data.test.x))), Silent())
    assert [outputs.shape for outputs in seen] == [(40, 3)] * 2
