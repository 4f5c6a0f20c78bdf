"""Trainings that look at environments, against their formulas and the case they were made for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.recipes import MLP
from roadworthy.sources import make_dataset
from roadworthy.strategies import IRM, GroupDRO, VREx
from roadworthy.training.trained import defended

ROWS = 2000


def colored(agreement, n=ROWS, seed=0):
    """Rows whose shape agrees with the label in 75 %, and whose color as often as is said.

    This is Colored MNIST (Arjovsky et al. 2019, section 5.2) without the pixels.
    """
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, n)
    shape = np.where(generator.random(n) < 0.75, y, 1 - y)
    color = np.where(generator.random(n) < agreement, y, 1 - y)
    return np.stack([shape, color], 1) * 2.0 - 1, y


def two_places():
    (a, ya), (b, yb), (c, yc) = (colored(p, seed=s) for s, p in enumerate((0.9, 0.8, 0.1)))
    place = np.repeat(["one", "two", "elsewhere"], ROWS)
    return make_dataset(
        np.concatenate([a, b]),
        np.concatenate([ya, yb]),
        test=(c, yc),
        columns={"place": place},
        environment="place",
    )


def accuracy(strategies, data):
    torch.set_num_threads(1)
    recipe = MLP(width=16, depth=1, epochs=100, batch=500, rate=1e-2, decay=0.0)
    model = defended(recipe, strategies).fit(data, data.train, 0, Silent())
    return float((model(data.test.x).argmax(1) == data.test.y).float().mean())


@pytest.mark.parametrize("strategy", [IRM(weight=1000.0), VREx(beta=1000.0)], ids=["irm", "vrex"])
def test_what_holds_in_both_places_is_learned_where_plain_training_learns_the_color(strategy):
    data = two_places()
    assert accuracy((), data) < 0.3
    assert accuracy((strategy,), data) > 0.65


def plan_of(strategy, n=40, places=3):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(n, 2, generator=generator), torch.arange(n) % 2
    place = np.array(["abc"[k % places] for k in range(n)])
    data = make_dataset(
        x, y, test=(x[:4], y[:4]), columns={"place": np.r_[place, place[:4]]}, environment="place"
    )
    plan = MLP(width=4).plan(data, data.train, 0)
    return strategy.apply(plan, Silent()), torch.arange(n) % places


def losses_of(plan, progress):
    network = torch.nn.Linear(2, 2)
    rows = torch.arange(7)  # the last place has two of them
    beside = {name: make(network) for name, make in plan.beside.items()}
    batch = plan.batch(plan.rows.x[rows], plan.rows.y[rows], rows, progress, beside=beside)
    return network, batch, rows


def value(plan, network, batch):
    return float(plan.objective(network, batch).detach())


def test_the_penalty_of_irm_is_the_squared_slope_of_each_risk():
    plan, place = plan_of(IRM(weight=5.0))
    network, batch, rows = losses_of(plan, 0.5)
    found = plan.objective(network, batch).detach()
    risks, penalties = [], []
    for number in range(3):
        own = place[rows] == number
        scale = torch.tensor(1.0, requires_grad=True)
        risk = cross_entropy(network(batch.x[own]) * scale, batch.y[own])
        risks.append(risk)
        penalties.append(torch.autograd.grad(risk, scale)[0] ** 2)
    expected = (sum(risks) / 3 + 5 * sum(penalties) / 3) / 5
    assert float(found) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_vrex_adds_the_variance_of_the_risks():
    plan, place = plan_of(VREx(beta=3.0))
    network, batch, rows = losses_of(plan, 0.5)
    risks = [
        float(cross_entropy(network(batch.x[own]), batch.y[own]).detach())
        for own in (place[rows] == number for number in range(3))
    ]
    expected = (np.mean(risks) + 3 * np.var(risks)) / 3
    assert value(plan, network, batch) == pytest.approx(expected, rel=1e-5)


def test_group_dro_moves_weight_to_the_worst_place():
    plan, place = plan_of(GroupDRO(step=0.5))
    network, batch, rows = losses_of(plan, 0.0)
    risks = np.array(
        [
            float(cross_entropy(network(batch.x[own]), batch.y[own]).detach())
            for own in (place[rows] == number for number in range(3))
        ]
    )
    weights = np.exp(0.5 * risks) / np.exp(0.5 * risks).sum()
    assert value(plan, network, batch) == pytest.approx(weights @ risks, rel=1e-5)
    later = replace(batch, progress=0.5)
    weights = weights * np.exp(0.5 * risks) / (weights * np.exp(0.5 * risks)).sum()
    assert value(plan, network, later) == pytest.approx(weights @ risks, rel=1e-5)


def test_group_dro_narrows_the_gap_between_places():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 3000)
    place = np.where(np.arange(3000) % 10 == 0, "rare", "usual")
    # the rare place has the first column reversed, and a second one that tells
    sign = np.where(place == "rare", -1, 1)
    x = np.c_[(2 * y - 1) * sign, (2 * y - 1) * 0.7] + generator.normal(size=(3000, 2))
    data = make_dataset(x, y, columns={"place": place}, environment="place")
    recipe = MLP(depth=0, epochs=60, batch=300, rate=1e-2, decay=0.0)

    def worst(strategies):
        model = defended(recipe, strategies).fit(data, data.train, 0, Silent())
        right = (model(data.test.x).argmax(1) == data.test.y).numpy()
        of = data.test.columns["place"]
        return min(right[of == name].mean() for name in ("rare", "usual"))

    assert worst((GroupDRO(step=0.5),)) > worst(()) + 0.1


def test_they_ask_for_environments():
    data = make_dataset(torch.rand(20, 2), torch.arange(20) % 2)
    plan = MLP().plan(data, data.train, 0)
    for strategy in (IRM(), VREx(), GroupDRO()):
        with pytest.raises(InputError, match="--environment"):
            strategy.apply(plan, Silent())
