"""Every guard against the promises of its kind."""

from dataclasses import fields, replace
from functools import cache

import pytest
import torch

from roadworthy.checks import CHECKS
from roadworthy.core.adaptive import adaptive
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, protect
from roadworthy.core.model import Offer
from roadworthy.core.progress import Silent
from roadworthy.guards import GUARDS
from roadworthy.recipes import CNN, MLP, BagOfWords
from roadworthy.sources.bundles import load_bundle, save_bundle
from tests.toy_data import toy

# settings that make a guard cheap enough for a test, by its name
USUAL: dict[str, dict] = {
    "conformal": {"folds": 2},
    "conformal-ranks": {"folds": 2},
    "equalized-odds": {"folds": 2},
    "group-thresholds": {"folds": 2},
    "patch-smoothing": {"band": 7},
    "randomized-smoothing": {"sigma": 0.1, "draws": 40},
    "pixel-defend": {"width": 8, "blocks": 1, "epochs": 2},
    "region-based": {"points": 20, "step": 0.1},
    "temperature": {"folds": 2},
}
BINARY = ("equalized-odds", "group-thresholds")  # guards of two classes
CASES = [(guard, kind) for guard in GUARDS for kind in sorted(guard.kinds)]
every_case = pytest.mark.parametrize(
    ("guard", "kind"), CASES, ids=[f"{g.card.name}-{kind}" for g, kind in CASES]
)
every_guard = pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.card.name)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def usual(guard):
    return guard(**USUAL.get(guard.card.name, {}))


def two_classes(data):
    """Give toy rows with two classes, and a category that is a sensitive attribute."""
    splits = [
        replace(split, y=split.y.clamp_max(1), columns={"d": split.x[:, 4].numpy()})
        for split in data.splits
    ]
    roles = Roles(sensitive=("d",))
    return replace(data, splits=tuple(splits), classes=data.classes[:2], roles=roles)


@cache
def subject(kind, task=Task.NOMINAL, is_binary=False):
    """Give toy data and a model that has learned them."""
    data = toy(task, kind)
    data = two_classes(data) if is_binary else data
    recipes = {"image": CNN(width=8, epochs=20), "tabular": MLP(epochs=60), "text": BagOfWords()}
    return data, recipes[kind].fit(data, data.train, 0, Silent())


def guarded(guard, kind, seed=0):
    task = Task.NOMINAL if Task.NOMINAL in guard.tasks else Task.ORDINAL
    data, model = subject(kind, task, guard.card.name in BINARY)
    return data, model, protect(model, usual(guard), data, seed=seed)


@every_case
def test_most_answers_stay_right(guard, kind):
    data, model, wrapped = guarded(guard, kind)
    outputs = wrapped(data.test.x)
    assert outputs.shape == (40, len(data.classes))
    assert outputs.isfinite().all()
    right = (outputs.argmax(1) == data.test.y).float().mean()
    assert right >= (model(data.test.x).argmax(1) == data.test.y).float().mean() - 0.25


@every_case
def test_only_what_is_declared_random_differs_between_calls(guard, kind):
    data, _, wrapped = guarded(guard, kind)
    first, second = wrapped(data.test.x), wrapped(data.test.x)
    assert torch.equal(first, second) is not wrapped.spec.stochastic
    if not wrapped.spec.stochastic:
        torch.testing.assert_close(wrapped(data.test.x[:1]), first[:1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
@every_case
def test_it_answers_on_a_gpu_as_without(guard, kind):
    data, model, wrapped = guarded(guard, kind)
    here = wrapped(data.test.x)
    try:
        wrapped.move(torch.device("cuda"))
        there = wrapped(data.test.x.cuda())
    finally:
        model.move(torch.device("cpu"))  # others use it, too
    assert there.is_cuda
    agreed = (there.argmax(1).cpu() == here.argmax(1)).float().mean()
    assert agreed > (0.6 if wrapped.spec.stochastic else 0.97)


@every_case
def test_an_attacker_who_knows_of_it_has_gradients(guard, kind):
    if kind == "text":
        pytest.skip("there are no derivatives by a text")
    data, _, wrapped = guarded(guard, kind)
    if Offer.GRADIENTS not in wrapped.spec.offers:
        assert wrapped.spec.obstacles
    seen = adaptive(wrapped)
    assert Offer.GRADIENTS in seen.spec.offers
    assert not seen.spec.stochastic
    x = data.test.x[:8].clone().requires_grad_()
    logits = seen(x)
    (gradient,) = torch.autograd.grad(logits.log_softmax(1)[:, 0].sum(), x)
    assert gradient.isfinite().all()
    assert (gradient != 0).any()


@every_case
def test_it_knows_the_model_that_it_guards(guard, kind):
    _, model, wrapped = guarded(guard, kind)
    assert wrapped.undefended() is model
    assert wrapped.spec.fingerprint != model.spec.fingerprint


@every_case
def test_it_learns_nothing_from_the_test_split(guard, kind):
    data, model, wrapped = guarded(guard, kind)
    train, test = data.splits
    other = replace(data, splits=(train, replace(test, x=test.x.flip(0), y=test.y * 0)))
    again = protect(model, usual(guard), other, seed=0)
    assert wrapped.learned.keys() == again.learned.keys()
    for name, value in wrapped.learned.items():
        assert torch.equal(value, again.learned[name])


@every_case
def test_a_saved_model_keeps_it(guard, kind, tmp_path):
    data, _, wrapped = guarded(guard, kind)
    again = load_bundle(save_bundle(wrapped, tmp_path / "bundle"), data)
    assert again.guard == wrapped.guard
    torch.manual_seed(3)
    first = wrapped(data.test.x)
    torch.manual_seed(3)
    assert torch.equal(again(data.test.x), first)
    assert again.spec.fingerprint == wrapped.spec.fingerprint


@every_case
def test_inputs_are_not_changed(guard, kind):
    data, _, wrapped = guarded(guard, kind)
    before = data.test.x.clone()
    wrapped(data.test.x)
    assert torch.equal(data.test.x, before)


@every_guard
def test_tasks_and_kinds_that_it_does_not_know_are_refused(guard):
    for task in (Task.NOMINAL, Task.REGRESSION):
        for kind in ("image", "tabular", "text"):
            if task not in guard.tasks or kind not in guard.kinds:
                with pytest.raises(InputError, match="but toy is"):
                    protect(subject(kind)[1], usual(guard), toy(task, kind))


@every_guard
def test_the_page_explains_every_setting_and_names_a_source(guard):
    assert issubclass(guard, Guard)
    for part in fields(guard):
        assert f"{part.name}: " in guard.__doc__
    assert "Source: " in guard.__doc__
    assert replace(guard()) == guard()


@every_guard
def test_what_it_fixes_is_a_check(guard):
    assert set(guard.card.fixes) <= {check.code for check in CHECKS}
    assert guard.card.safety in ("changes predictions", "safe")
