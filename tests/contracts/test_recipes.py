"""Every recipe against the promises of its kind."""

from dataclasses import fields, replace

import pytest
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.core.progress import Silent
from roadworthy.core.training import Recipe
from roadworthy.recipes import RECIPES
from tests.tiny_checkpoint import save_checkpoint
from tests.toy_data import toy

CASES = [
    (recipe, task, kind)
    for recipe in RECIPES
    for task in sorted(recipe.tasks)
    for kind in sorted(recipe.kinds)
]
CHECKPOINTS: dict[str, str] = {}
every_case = pytest.mark.parametrize(
    ("recipe", "task", "kind"), CASES, ids=[f"{r.card.name}-{t}-{k}" for r, t, k in CASES]
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def checkpoint(tmp_path_factory):
    """Save a checkpoint for pretrained-text to start from."""
    CHECKPOINTS["bert"] = str(save_checkpoint(tmp_path_factory.mktemp("checkpoint") / "bert"))


def usual(recipe):
    """Make a recipe; one that starts from a checkpoint gets one without anything worth keeping."""
    if recipe.card.name == "pretrained-text":
        return recipe(checkpoint=CHECKPOINTS["bert"], epochs=20, rate=1e-2, below=0.5)
    return recipe()


def quick(recipe):
    """Make a recipe with settings that train it badly but soon."""
    short = {"epochs": 2} if "epochs" in {part.name for part in fields(recipe)} else {}
    return replace(usual(recipe), **short)


def fit(recipe, data, seed=0):
    return quick(recipe).fit(data, data.train, seed, Silent())


@every_case
def test_learns_a_toy_task(recipe, task, kind):
    data = toy(task, kind)
    outputs = usual(recipe).fit(data, data.train, 0, Silent())(data.test.x)
    if task == Task.REGRESSION:
        rest = (outputs - data.test.y).square().mean() / data.test.y.var()
        assert rest < 0.1
    else:
        assert (outputs.argmax(1) == data.test.y).float().mean() > 0.8


@every_case
def test_same_seed_gives_the_same_bits(recipe, task, kind):
    data = toy(task, kind)
    first, second = fit(recipe, data, 5), fit(recipe, data, 5)
    assert first.spec.fingerprint == second.spec.fingerprint
    assert torch.equal(first(data.test.x), second(data.test.x))


@every_case
def test_a_refit_trains_on_the_rows_it_is_given(recipe, task, kind):
    data = toy(task, kind)
    model = fit(recipe, data)
    half = data.train.take(torch.arange(60))
    again = model.refit(half, seed=1)
    expected = quick(recipe).fit(data, half, 1, Silent())
    assert Offer.REFIT in model.spec.offers
    assert torch.equal(again(data.test.x), expected(data.test.x))
    assert again.spec.fingerprint != model.spec.fingerprint


@every_case
def test_the_callers_random_numbers_are_left_alone(recipe, task, kind):
    data = toy(task, kind)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    fit(recipe, data)
    assert torch.equal(torch.rand(3), expected)


@every_case
def test_inputs_are_not_changed(recipe, task, kind):
    data = toy(task, kind)
    before = data.train.x.clone(), data.train.y.clone()
    fit(recipe, data)
    assert torch.equal(data.train.x, before[0])
    assert torch.equal(data.train.y, before[1])


@every_case
def test_a_class_without_rows_keeps_its_output(recipe, task, kind):
    if task == Task.REGRESSION:
        pytest.skip("a regression has no classes")
    data = toy(task, kind)
    model = usual(recipe).fit(data, data.train.take(data.train.y != 1), 0, Silent())
    outputs = model(data.test.x)
    assert outputs.shape == (40, 3)
    assert bool((outputs.argmax(1) != 1).all())


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.card.name)
def test_other_tasks_and_kinds_are_refused(recipe):
    for task in Task:
        for kind in ("image", "tabular", "text"):
            if task not in recipe.tasks or kind not in recipe.kinds:
                with pytest.raises(InputError, match="but toy is"):
                    fit(recipe, toy(task, kind))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.card.name)
def test_no_rows_are_refused(recipe):
    data = toy(sorted(recipe.tasks)[0], sorted(recipe.kinds)[0])
    with pytest.raises(InputError, match="rows"):
        usual(recipe).fit(data, data.train.take(torch.zeros(120, dtype=torch.bool)), 0, Silent())


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.card.name)
def test_the_page_explains_every_setting(recipe):
    assert issubclass(recipe, Recipe)
    for part in fields(recipe):
        assert f"{part.name}: " in recipe.__doc__
    assert replace(recipe()) == recipe()
