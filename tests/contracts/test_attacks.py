"""Every registered attack against the promises of its kind, in every threat model it knows."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest
import torch

import roadworthy
from roadworthy.attacks import *  # noqa: F403 - repr() of an attack must evaluate
from roadworthy.attacks import ATTACKS
from roadworthy.core.attack import Reason
from roadworthy.core.driver import Limits, run_attack
from roadworthy.core.model import Offer, PassCount
from roadworthy.core.threat import NORMS, Ball
from tests.attack_subjects import (
    CLASSES,
    NEAR,
    THREATS,
    USUAL,
    Network,
    linear,
    others,
    pool,
    subject,
    trained,
)

ROOM = Path(roadworthy.__file__).parent / "attacks"
CASES = [(attack, kind) for attack in ATTACKS for kind in sorted(attack.threats)]
IN_BALLS = [(attack, kind) for attack, kind in CASES if kind in NORMS]
WIDE = (torch.tensor(-50.0), torch.tensor(50.0))
OFFERED = {Offer.LABELS, Offer.SCORES, Offer.GRADIENTS}
CONTRACTS = [
    "test_it_stays_in_the_budget_and_the_box",
    "test_its_successes_are_errors_of_the_model",
    "test_it_leaves_everything_of_the_caller_as_it_was",
    "test_the_same_seed_gives_the_same_bits",
    "test_a_sample_alone_ends_as_it_does_in_a_batch",
    "test_its_repr_makes_it_again",
    "test_it_leaves_out_samples_that_are_already_wrong",
    "test_it_reaches_the_class_it_is_told_to",
    "test_nan_is_never_a_success",
    "test_its_passes_are_those_of_the_model",
    "test_it_keeps_to_a_limit_of_passes",
    "test_it_is_not_worse_than_noise_on_a_trained_network",
    "test_its_page_says_what_a_reader_needs",
]
IN_BALLS_ONLY = [
    "test_it_beats_a_linear_model_just_beyond_the_margin",
    "test_it_never_beats_a_linear_model_within_the_margin",
    "test_fixed_features_do_not_move",
    "test_it_measures_in_units_of_each_feature",
]


def cases(chosen):
    def mark(function):
        name, params = function.__name__, []
        for attack, kind in chosen:
            reason = attack.expected_failures.get(name)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            params.append(pytest.param(attack, kind, id=f"{attack.card.name}-{kind}", marks=marks))
        return pytest.mark.parametrize(("attack", "kind"), params)(function)

    return mark


each_case, each_ball = cases(CASES), cases(IN_BALLS)


def usual(attack):
    """Give the attack as it is by default, or as it was made cheaper for tests."""
    return attack(**USUAL.get(attack.card.name, {}))


def brief(attack):
    """Give the attack with few steps or queries, for promises that hold whatever it finds."""
    settings = dict(USUAL.get(attack.card.name, {}))
    for name in {"steps", "queries"} & {part.name for part in dataclasses.fields(attack)}:
        settings[name] = min(settings.get(name, getattr(attack, name)), 20)
    return attack(**settings)


def run(attack, model, x, y, threat, **more):
    return run_attack(attack, model, x, y, threat, **{"pool": pool(attack)} | more)


def alone(attack, model, x, y, threat, index, **more):
    return run(
        attack, model, x[index : index + 1], y[index : index + 1], threat,
        ids=torch.tensor([index]), **more,
    )  # fmt: skip


def same(first, second):
    pairs = zip(dataclasses.astuple(first), dataclasses.astuple(second), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@each_case
def test_it_stays_in_the_budget_and_the_box(attack, kind):
    model, x, y = subject(attack)
    threat = THREATS[kind]
    result = run(brief(attack), model, x, y, threat)
    assert result.x.shape == x.shape
    assert result.x.dtype == x.dtype
    assert ((result.x >= x.amin().clamp_max(0)) & (result.x <= x.amax().clamp_min(1))).all()
    measured = threat.size(x, result.x, result.theta)
    if not attack.is_minimal:
        assert threat.allows(measured).all()
    assert torch.allclose(measured[result.success], result.distance[result.success])
    assert torch.equal(result.x[~result.success], x[~result.success])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
@each_case
def test_it_finds_on_a_gpu_what_it_finds_without(attack, kind):
    model, x, y = subject(attack)
    if not isinstance(model, Network):
        pytest.skip("models of this kind stay on the CPU")
    here = run(brief(attack), model, x, y, THREATS[kind])
    model.module.cuda()
    there = run(brief(attack), model, x.cuda(), y.cuda(), THREATS[kind])
    assert there.x.is_cuda
    assert (
        there.success.cpu() == here.success
    ).float().mean() > 0.8  # rounding decides close calls


@each_case
def test_its_successes_are_errors_of_the_model(attack, kind):
    model, x, y = subject(attack)
    result = run(usual(attack), model, x, y, THREATS[kind])
    with torch.no_grad():
        is_wrong = model.forward(result.x).argmax(1) != y
    assert torch.equal(is_wrong, result.success)
    assert torch.equal(result.success, result.reason <= Reason.SUCCESS)
    assert torch.equal(result.success, result.distance.isfinite())


@each_case
def test_it_leaves_everything_of_the_caller_as_it_was(attack, kind):
    model, x, y = subject(attack)
    before = x.clone(), y.clone()
    weights = []
    if isinstance(model, Network):
        model.module.requires_grad_(False).train()
        weights = [(weight, weight.clone()) for weight in model.module.parameters()]
    noise = torch.get_rng_state()
    run(brief(attack), model, x, y, THREATS[kind])
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])
    assert not x.requires_grad
    for weight, was in weights:
        assert torch.equal(weight, was)
        assert weight.grad is None
    assert torch.equal(torch.get_rng_state(), noise)


@each_case
def test_the_same_seed_gives_the_same_bits(attack, kind):
    model, x, y = subject(attack)
    first, second = (run(brief(attack), model, x, y, THREATS[kind], seed=7) for _ in range(2))
    assert same(first, second)


@each_case
def test_a_sample_alone_ends_as_it_does_in_a_batch(attack, kind):
    model, x, y = subject(attack)
    threat = THREATS[kind]
    if kind in NORMS:
        threat = Ball(kind, threat.eps / 2)
    batch = run(brief(attack), model, x, y, threat)
    for index in (0, 3, 7):
        single = alone(brief(attack), model, x, y, threat, index)
        assert single.reason[0] == batch.reason[index]
        # a matrix product rounds differently in a batch of another size
        assert torch.allclose(single.x[0], batch.x[index], atol=1e-3)
    chunks = run(brief(attack), model, x, y, threat, limits=Limits(batch=3))
    assert torch.equal(chunks.reason, batch.reason)


@each_case
def test_its_repr_makes_it_again(attack, kind):
    assert eval(repr(attack())) == attack()


@each_case
def test_it_leaves_out_samples_that_are_already_wrong(attack, kind):
    model, x, y = subject(attack)
    wrong = (y + 1) % CLASSES
    labels = torch.where(torch.arange(8) < 4, wrong, y)
    result = run(brief(attack), model, x, labels, THREATS[kind])
    assert (result.reason[:4] == Reason.ALREADY_WRONG).all()
    assert (result.reason[4:] != Reason.ALREADY_WRONG).all()
    assert torch.equal(result.x[:4], x[:4])
    assert (result.distance[:4] == 0).all()
    assert (result.forward[:4] == 1).all()
    assert (result.backward[:4] == 0).all()
    assert same(run(brief(attack), model, x[:4], wrong[:4], THREATS[kind]), result.take(slice(4)))


@each_case
def test_it_reaches_the_class_it_is_told_to(attack, kind):
    if not attack.is_targetable:
        pytest.skip("it cannot be told a class; the driver refuses")
    model, x, y = subject(attack)
    target = (y + 1 + torch.arange(8) % (CLASSES - 1)) % CLASSES
    threat = Ball(kind, THREATS[kind].eps * 3) if kind in NORMS else THREATS[kind]
    result = run(usual(attack), model, x, y, threat, target=target, pool=others(attack))
    with torch.no_grad():
        reached = model.forward(result.x).argmax(1) == target
    assert torch.equal(reached, result.success)
    if kind in NORMS:
        assert result.success.any()


class Broken(Network):
    """Gives NaN everywhere but on the inputs that it knows."""

    def __init__(self, known):
        super().__init__(shape=known.shape[1:])
        self.known = known.flatten(1)

    def forward(self, x):
        is_known = (x.flatten(1)[:, None] == self.known[None]).all(2).any(1)
        return torch.where(is_known[:, None], super().forward(x), float("nan"))


@each_case
def test_nan_is_never_a_success(attack, kind):
    if attack.needs - OFFERED:
        pytest.skip("the broken model offers only outputs")
    _, x, y = subject(attack, 4)
    threat = Ball(kind, 5.0) if kind in NORMS else THREATS[kind]
    result = run(brief(attack), Broken(x), x, y, threat)
    assert not result.success.any()
    assert torch.equal(result.x, x)


@each_case
def test_its_passes_are_those_of_the_model(attack, kind):
    model, x, y = subject(attack)
    model.passes = PassCount()
    threat = Ball(kind, max(1.0, THREATS[kind].eps / 4)) if kind == "l0" else THREATS[kind]
    result = run(brief(attack), model, x, y, threat)
    assert int(result.forward.sum()) == model.passes.forward
    assert int(result.backward.sum()) == model.passes.backward


@each_case
def test_it_keeps_to_a_limit_of_passes(attack, kind):
    model, x, y = subject(attack)
    attack = brief(attack)
    least = attack.passes_ahead(0) + 9
    result = run(attack, model, x, y, THREATS[kind], limits=Limits(passes=2 * least))
    assert (result.forward + result.backward).max() <= 2 * least


def noise(threat, x):
    """Draw changes of the whole budget at random."""
    signs = (torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.5) * 2.0 - 1
    if threat.norm == "linf":
        return (x + threat.eps * signs).clamp(0, 1)
    return (x + threat.project(signs * 1e3)).clamp(0, 1)


@each_case
def test_it_is_not_worse_than_noise_on_a_trained_network(attack, kind):
    if kind not in NORMS:
        pytest.skip("noise of a budget is defined for balls; the threat's own test has its control")
    model, x, y = trained()
    if attack.needs - OFFERED:
        pytest.skip("the network offers only outputs and gradients")
    others = pool(attack) and (x, y)
    threat = Ball(kind, {"linf": 0.2, "l2": 1.5, "l1": 8.0, "l0": 6.0}[kind])
    result = run_attack(usual(attack), model, x, y, threat, pool=others)
    found = (result.distance <= threat.eps * (1 + 1e-5)).sum()
    with torch.no_grad():
        by_chance = (model.forward(noise(threat, x)).argmax(1) != y).sum()
    assert found >= max(1, by_chance)


@each_ball
@pytest.mark.parametrize(("shape", "n"), [((20,), 1), ((20,), 8), ((3, 8, 8), 3)])
def test_it_beats_a_linear_model_just_beyond_the_margin(attack, kind, shape, n):
    model, x, y, margin, others = linear_subject(attack, shape, n)
    if attack.is_minimal:
        more = {"bounds": WIDE, "pool": others}
        result = run_attack(usual(attack), model, x, y, Ball(kind, 1.0), **more)
        assert result.success.all()
        assert (result.distance <= margin[kind] * NEAR.get(attack.card.name, 1.05)).all()
        return
    for index in range(n):
        threat = Ball(kind, enough(attack, kind, margin, index))
        more = {"bounds": WIDE, "pool": others}
        assert alone(usual(attack), model, x, y, threat, index, **more).success.all()


def linear_subject(attack, shape, n, unit=None):
    if attack.takes_images_only and len(shape) == 1:
        pytest.skip("it attacks images only")
    if attack.needs - OFFERED:
        pytest.skip("a linear model offers only outputs and gradients")
    model, x, y, margin = linear(shape, n, unit)
    others = (torch.cat([x, -x]), torch.cat([y, 1 - y])) if attack.takes_guide else None
    return model, x, y, margin, others


def enough(attack, kind, margin, index):
    """Give a budget in which the attack should succeed."""
    if kind == "l0":
        return 4.0  # a box of ±50 lets one feature do it
    # without gradients the corner of the ball, or the direction, has to be found by chance
    return float(margin[kind][index]) * (1.25 if Offer.GRADIENTS in attack.needs else 2.5)


@each_ball
@pytest.mark.parametrize(("shape", "n"), [((20,), 1), ((20,), 8), ((3, 8, 8), 3)])
def test_it_never_beats_a_linear_model_within_the_margin(attack, kind, shape, n):
    model, x, y, margin, others = linear_subject(attack, shape, n)
    if attack.is_minimal:
        more = {"bounds": WIDE, "pool": others}
        result = run_attack(brief(attack), model, x, y, Ball(kind, 1.0), **more)
        assert (result.distance >= margin[kind] * (1 - 1e-5)).all()
        return
    if kind == "l0":
        pytest.skip("one feature is the least there is")
    for index in range(n):
        threat = Ball(kind, float(margin[kind][index]) * 0.8)
        more = {"bounds": WIDE, "pool": others}
        result = alone(brief(attack), model, x, y, threat, index, **more)
        assert not result.success.any()
        assert result.reason[0] in (Reason.BUDGET, Reason.STALLED)
        assert result.distance[0] == float("inf")


@each_ball
def test_fixed_features_do_not_move(attack, kind):
    model, x, y, _, others = linear_subject(attack, (20,), 8)
    mutable = tuple(index % 3 == 0 for index in range(20))
    threat = Ball(kind, 10.0, mutable=mutable)
    result = run_attack(usual(attack), model, x, y, threat, bounds=WIDE, pool=others)
    moved = result.x != x
    assert not moved[:, ~torch.tensor(mutable)].any()
    assert result.success.all()
    assert result.distance.isfinite().all()


@each_ball
def test_it_measures_in_units_of_each_feature(attack, kind):
    scale = tuple(10.0 ** (index % 4 - 2) for index in range(20))
    model, x, y, margin, others = linear_subject(attack, (20,), 4, torch.tensor(scale))
    more = {"bounds": tuple(bound * 100 for bound in WIDE), "pool": others}
    for index in range(4):
        threat = Ball(kind, enough(attack, kind, margin, index), scale)
        result = alone(usual(attack), model, x, y, threat, index, **more)
        assert result.success.all()
        if not attack.is_minimal:
            assert result.distance[0] <= threat.eps * (1 + 1e-5)
        assert result.distance[0] >= margin[kind][index] * (1 - 1e-4)
        if attack.is_minimal:
            assert result.distance[0] <= margin[kind][index] * NEAR.get(attack.card.name, 1.05)


@each_case
def test_its_page_says_what_a_reader_needs(attack, kind):
    page = inspect.getdoc(attack)
    for heading in ("Threat model:", "Cost:", "Source:"):
        assert f"\n{heading} " in page
    for part in dataclasses.fields(attack):
        assert f"    {part.name}:" in page, f"Args lacks {part.name}"
    assert re.fullmatch(r"(arxiv|doi|openreview):\S+", attack.card.paper)
    assert attack.card.paper.casefold() in page.casefold()
    path = Path(inspect.getfile(attack))
    assert path.parent.parent == ROOM
    assert path.stem == attack.card.name.replace("-", "_")


def test_every_file_in_the_rooms_is_registered():
    rooms = (ROOM / "evasion", ROOM / "physical")
    files = {path for room in rooms for path in room.glob("*.py") if path.stem != "__init__"}
    assert files == {Path(inspect.getfile(attack)) for attack in ATTACKS}


def test_every_attack_ran_every_contract(request):
    ran = [item.name for item in request.session.items if item.path == Path(__file__)]
    if len(ran) < 10 or hasattr(request.config, "workerinput"):
        pytest.skip("counts only when the whole file runs in one process")
    for attack, kind in CASES:
        for contract in CONTRACTS + IN_BALLS_ONLY * (kind in NORMS):
            assert any(
                name.startswith(f"{contract}[") and f"{attack.card.name}-{kind}" in name
                for name in ran
            ), f"{attack.card.name} ({kind}) did not run {contract}"
