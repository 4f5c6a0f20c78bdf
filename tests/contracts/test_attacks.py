"""Every registered attack against the promises of its kind, in every norm that it knows."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest
import torch
from torch import nn

import roadworthy
from roadworthy.attacks import *  # noqa: F403 - repr() of an attack must evaluate
from roadworthy.attacks import ATTACKS
from roadworthy.core.attack import Reason
from roadworthy.core.driver import Limits, run_attack
from roadworthy.core.model import Model, ModelSpec, Offer, PassCount, Task
from roadworthy.core.threat import Ball
from tests.models import GRADED, LinearModel

ROOM = Path(roadworthy.__file__).parent / "attacks" / "evasion"
CASES = [(attack, norm) for attack in ATTACKS for norm in sorted(attack.threats)]
WIDE = (torch.tensor(-50.0), torch.tensor(50.0))
EPS = {"linf": 0.1, "l2": 1.0}
CONTRACTS = [
    "test_it_stays_in_the_budget_and_the_box",
    "test_it_leaves_everything_of_the_caller_as_it_was",
    "test_the_same_seed_gives_the_same_bits",
    "test_a_sample_alone_ends_as_it_does_in_a_batch",
    "test_its_repr_makes_it_again",
    "test_it_beats_a_linear_model_just_beyond_the_margin",
    "test_it_never_beats_a_linear_model_within_the_margin",
    "test_it_leaves_out_samples_that_are_already_wrong",
    "test_nan_is_never_a_success",
    "test_fixed_features_do_not_move",
    "test_it_measures_in_units_of_each_feature",
    "test_its_passes_are_those_of_the_model",
    "test_its_page_says_what_a_reader_needs",
]


def each_case(function):
    ids = [f"{attack.card.name}-{norm}" for attack, norm in CASES]
    return pytest.mark.parametrize(("attack", "norm"), CASES, ids=ids)(function)


def brief(attack):
    """Give the attack with few steps, for promises that do not depend on what it finds."""
    fields = {part.name for part in dataclasses.fields(attack)}
    return attack(steps=min(attack.steps, 30)) if "steps" in fields else attack()


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Network(Model):
    """Two random layers around a dropout, so that the training mode would show."""

    def __init__(self, offers=GRADED):
        super().__init__(ModelSpec("net", Task.NOMINAL, (3, 8, 8), 4, offers, "net"))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.module = nn.Sequential(
                nn.Flatten(), nn.Linear(192, 16), nn.Dropout(), nn.Tanh(), nn.Linear(16, 4)
            )

    def forward(self, x):
        return self.module.eval()(x)


def network_and_rows(n=8):
    model = Network()
    x = draw(n, 3, 8, 8, seed=1).sigmoid()
    with torch.no_grad():
        return model, x, model.forward(x).argmax(1)


def linear(shape, n, unit=None):
    """Give a two-class linear model, rows, and their exact distances to the other class.

    An image's weights are the same within each quarter and channel: a search by squares that need
    not find single pixels is asked for no more than it promises.
    """
    w = draw(*shape[:1], *[2] * (len(shape) - 1), seed=2)
    for axis in range(1, len(shape)):
        w = w.repeat_interleave(shape[axis] // 2, axis)
    x = draw(n, *shape, seed=3)
    margin = x.flatten(1) @ w.flatten()
    x = x * (1 + 0.5 / margin.abs()).reshape(-1, *[1] * len(shape))  # none lies on the boundary
    margin = x.flatten(1) @ w.flatten()
    weight = torch.stack([w.flatten(), torch.zeros(w.numel())], 1)
    slope = (w if unit is None else w * unit).flatten()
    distance = {
        "linf": margin.abs() / slope.abs().sum(),
        "l2": margin.abs() / slope.norm(),
    }
    return LinearModel(weight, torch.zeros(2), shape), x, (margin < 0).long(), distance


def alone(attack, model, x, y, threat, index, **more):
    return run_attack(
        attack, model, x[index : index + 1], y[index : index + 1], threat,
        ids=torch.tensor([index]), **more,
    )  # fmt: skip


def same(first, second):
    pairs = zip(dataclasses.astuple(first), dataclasses.astuple(second), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@each_case
def test_it_stays_in_the_budget_and_the_box(attack, norm):
    model, x, y = network_and_rows()
    threat = Ball(norm, EPS[norm])
    result = brief(attack)(model, x, y, threat)
    assert result.x.shape == x.shape
    assert result.x.dtype == x.dtype
    assert ((result.x >= 0) & (result.x <= 1)).all()
    if not attack.is_minimal:
        assert threat.contains(result.x - x).all()
    measured = threat.distance(result.x - x)
    assert torch.allclose(measured[result.success], result.distance[result.success])
    assert torch.equal(result.x[~result.success], x[~result.success])


@each_case
def test_it_leaves_everything_of_the_caller_as_it_was(attack, norm):
    model, x, y = network_and_rows()
    model.module.requires_grad_(False).train()
    before = x.clone(), y.clone(), [weight.clone() for weight in model.module.parameters()]
    noise = torch.get_rng_state()
    brief(attack)(model, x, y, Ball(norm, EPS[norm]))
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])
    assert not x.requires_grad
    for weight, was in zip(model.module.parameters(), before[2], strict=True):
        assert torch.equal(weight, was)
        assert weight.grad is None
    assert torch.equal(torch.get_rng_state(), noise)


@each_case
def test_the_same_seed_gives_the_same_bits(attack, norm):
    model, x, y = network_and_rows()
    first, second = (brief(attack)(model, x, y, Ball(norm, EPS[norm]), seed=7) for _ in range(2))
    assert same(first, second)


@each_case
def test_a_sample_alone_ends_as_it_does_in_a_batch(attack, norm):
    model, x, y = network_and_rows()
    threat = Ball(norm, EPS[norm] / 2)
    batch = run_attack(brief(attack), model, x, y, threat)
    for index in (0, 3, 7):
        single = alone(brief(attack), model, x, y, threat, index)
        assert single.reason[0] == batch.reason[index]
        # a matrix product rounds differently in a batch of another size
        assert torch.allclose(single.x[0], batch.x[index], atol=1e-3)
    chunks = run_attack(brief(attack), model, x, y, threat, limits=Limits(batch=3))
    assert torch.equal(chunks.reason, batch.reason)


@each_case
def test_its_repr_makes_it_again(attack, norm):
    assert eval(repr(attack())) == attack()


@each_case
@pytest.mark.parametrize(("shape", "n"), [((20,), 1), ((20,), 8), ((3, 8, 8), 3)])
def test_it_beats_a_linear_model_just_beyond_the_margin(attack, norm, shape, n):
    model, x, y, margin = linear(shape, n)
    if attack.is_minimal:
        result = run_attack(attack(), model, x, y, Ball(norm, 1.0), bounds=WIDE)
        assert result.success.all()
        assert (result.distance <= margin[norm] * 1.05).all()
        return
    # without gradients the corner of the ball, or the direction, has to be found by chance
    generous = 1.25 if attack.needs == Offer.GRADIENTS else 2.5
    for index in range(n):
        threat = Ball(norm, float(margin[norm][index]) * generous)
        assert alone(attack(), model, x, y, threat, index, bounds=WIDE).success.all()


@each_case
@pytest.mark.parametrize(("shape", "n"), [((20,), 1), ((20,), 8), ((3, 8, 8), 3)])
def test_it_never_beats_a_linear_model_within_the_margin(attack, norm, shape, n):
    model, x, y, margin = linear(shape, n)
    if attack.is_minimal:
        result = run_attack(brief(attack), model, x, y, Ball(norm, 1.0), bounds=WIDE)
        assert (result.distance >= margin[norm] * (1 - 1e-5)).all()
        return
    for index in range(n):
        threat = Ball(norm, float(margin[norm][index]) * 0.8)
        result = alone(brief(attack), model, x, y, threat, index, bounds=WIDE)
        assert not result.success.any()
        assert result.reason[0] in (Reason.BUDGET, Reason.STALLED)
        assert result.distance[0] == float("inf")


@each_case
def test_it_leaves_out_samples_that_are_already_wrong(attack, norm):
    model, x, y = network_and_rows()
    wrong = (y + 1) % 4
    result = brief(attack)(
        model, x, torch.where(torch.arange(8) < 4, wrong, y), Ball(norm, EPS[norm])
    )
    assert (result.reason[:4] == Reason.ALREADY_WRONG).all()
    assert (result.reason[4:] != Reason.ALREADY_WRONG).all()
    assert torch.equal(result.x[:4], x[:4])
    assert (result.distance[:4] == 0).all()
    assert (result.forward[:4] == 1).all()
    assert (result.backward[:4] == 0).all()
    assert same(brief(attack)(model, x[:4], wrong[:4], Ball(norm, 1.0)), take(result, slice(4)))


def take(result, rows):
    columns = (getattr(result, part.name)[rows] for part in dataclasses.fields(result))
    return type(result)(*columns)


class Broken(Network):
    """Gives NaN everywhere but on the inputs that it knows."""

    def __init__(self, known):
        super().__init__()
        self.known = known.flatten(1)

    def forward(self, x):
        is_known = (x.flatten(1)[:, None] == self.known[None]).all(2).any(1)
        return torch.where(is_known[:, None], super().forward(x), float("nan"))


@each_case
def test_nan_is_never_a_success(attack, norm):
    _, x, y = network_and_rows(4)
    result = brief(attack)(Broken(x), x, y, Ball(norm, 5.0))
    assert not result.success.any()
    assert torch.equal(result.x, x)


@each_case
def test_fixed_features_do_not_move(attack, norm):
    model, x, y, _ = linear((20,), 8)
    mutable = tuple(index % 3 == 0 for index in range(20))
    result = run_attack(attack(), model, x, y, Ball(norm, 10.0, mutable=mutable), bounds=WIDE)
    moved = result.x != x
    assert not moved[:, ~torch.tensor(mutable)].any()
    assert result.success.all()
    assert result.distance.isfinite().all()


@each_case
def test_it_measures_in_units_of_each_feature(attack, norm):
    scale = tuple(10.0 ** (index % 4 - 2) for index in range(20))
    model, x, y, margin = linear((20,), 4, torch.tensor(scale))
    wide = tuple(bound * 100 for bound in WIDE)
    generous = 1.25 if attack.needs == Offer.GRADIENTS else 2.5
    for index in range(4):
        threat = Ball(norm, float(margin[norm][index]) * generous, scale)
        result = alone(attack(), model, x, y, threat, index, bounds=wide)
        assert result.success.all()
        assert result.distance[0] <= threat.eps * (1 + 1e-5)
        assert result.distance[0] >= margin[norm][index] * (1 - 1e-4)
        if attack.is_minimal:
            assert result.distance[0] <= margin[norm][index] * 1.05


@each_case
def test_its_passes_are_those_of_the_model(attack, norm):
    model, x, y = network_and_rows()
    model.passes = PassCount()
    result = brief(attack)(model, x, y, Ball(norm, EPS[norm] / 4))
    assert int(result.forward.sum()) == model.passes.forward
    assert int(result.backward.sum()) == model.passes.backward


@each_case
def test_its_page_says_what_a_reader_needs(attack, norm):
    page = inspect.getdoc(attack)
    for heading in ("Threat model:", "Cost:", "Source:"):
        assert f"\n{heading} " in page
    for part in dataclasses.fields(attack):
        assert f"    {part.name}:" in page, f"Args lacks {part.name}"
    assert re.fullmatch(r"(arxiv|doi):\S+", attack.card.paper)
    assert attack.card.paper in page.casefold()
    assert Path(inspect.getfile(attack)) == ROOM / f"{attack.card.name.replace('-', '_')}.py"


def test_every_file_in_the_room_is_registered():
    files = {path for path in ROOM.glob("*.py") if path.stem != "__init__"}
    assert files == {Path(inspect.getfile(attack)) for attack in ATTACKS}


def test_every_attack_ran_every_contract(request):
    ran = [item.name for item in request.session.items if item.path == Path(__file__)]
    if len(ran) < 10 or hasattr(request.config, "workerinput"):
        pytest.skip("counts only when the whole file runs in one process")
    for attack, norm in CASES:
        for contract in CONTRACTS:
            assert any(
                name.startswith(f"{contract}[") and f"{attack.card.name}-{norm}" in name
                for name in ran
            ), f"{attack.card.name} ({norm}) did not run {contract}"
