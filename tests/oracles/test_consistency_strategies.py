"""Trainings that ask rows without targets for steady answers, against their formulas."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.recipes import MLP
from roadworthy.strategies import VAT, MeanTeacher, MixMatch, PiModel, PseudoLabel
from roadworthy.strategies.consistency import gaussian_rise, straight_rise
from roadworthy.strategies.mixmatch import mixed, sharpened
from roadworthy.strategies.vat import direction, divergence
from roadworthy.training.loop import fit_plan
from roadworthy.training.trained import defended, plan_of
from roadworthy.training.views import weak_view
from tests.few_labels import accuracies, blobs, moons, small_batch, value
from tests.toy_data import toy


def known(network, batch):
    return float(cross_entropy(network(batch.x), batch.y).detach())


def test_a_guess_of_pseudo_labels_is_learned_with_a_weight_that_rises():
    strategy = PseudoLabel(weight=3.0, start=0.2, end=0.6)
    for progress, weight in ((0.1, 0.0), (0.3, 0.75), (0.6, 3.0), (0.9, 3.0)):
        plan, network, batch = small_batch(strategy, progress=progress)
        answers = network(batch.unlabelled).softmax(1).detach()
        guessed = -np.mean([float(row.max().log()) for row in answers])
        expected = known(network, batch) + weight * guessed
        assert value(plan, network, batch) == pytest.approx(expected, rel=1e-5)


def test_the_pi_model_adds_the_squared_difference_between_two_views():
    plan, network, batch = small_batch(PiModel(weight=50.0, warm_up=0.25))
    torch.manual_seed(3)
    view = weak_view(plan.data)
    seen = [view(batch.unlabelled) for _ in range(2)]
    first, second = (network(x).softmax(1).detach() for x in seen)
    gaps = [(float(a) - float(b)) ** 2 for a, b in zip(first.ravel(), second.ravel(), strict=True)]
    expected = known(network, batch) + 50 * np.mean(gaps)
    assert value(plan, network, batch) == pytest.approx(expected, rel=1e-5)


def test_the_mean_teacher_is_asked_and_does_not_learn():
    plan, network, batch = small_batch(MeanTeacher(weight=50.0, warm_up=0.25))
    teacher = torch.nn.Linear(4, 3)
    batch = replace(batch, average=teacher)
    torch.manual_seed(3)
    view = weak_view(plan.data)
    asked = teacher(view(batch.unlabelled)).softmax(1)
    answered = network(view(batch.unlabelled)).softmax(1)
    expected = known(network, batch) + 50 * float((asked - answered).square().mean().detach())
    assert value(plan, network, batch) == pytest.approx(expected, rel=1e-5)
    plan.objective(network, batch).backward()
    assert teacher.weight.grad is None
    assert network.weight.grad is not None


def test_the_teacher_is_the_average_of_the_weights_after_each_step():
    data = toy(Task.NOMINAL, "tabular")
    y = data.train.y.clone()
    y[::2] = -1
    data = replace(data, splits=(replace(data.train, y=y), data.test))
    decay, weights, teachers = 0.3, [], []

    def note(network, batch):
        weights.append(network[1].head.weight.detach().clone())
        teachers.append(batch.average[1].head.weight.detach().clone())

    recipe = defended(MLP(width=4, epochs=4, batch=20), (MeanTeacher(average=decay),))
    plan = plan_of(recipe, data, data.train, 0, Silent()).add(after=(note,))
    kept = fit_plan(plan, Silent())
    expected = weights[0]
    assert torch.equal(teachers[0], expected)
    for step in range(1, len(weights)):
        forget = min(decay, (1 + step) / (10 + step))  # faster in the first steps
        expected = forget * expected + (1 - forget) * weights[step]
        torch.testing.assert_close(teachers[step], expected)
    torch.testing.assert_close(kept[1].head.weight, expected)


def test_weights_rise_as_the_papers_say():
    for share in (0.0, 0.1, 0.5, 1.0):
        assert gaussian_rise(0.3 * share, 0.3) == pytest.approx(math.exp(-5 * (1 - share) ** 2))
    assert gaussian_rise(0.9, 0.3) == 1
    assert [straight_rise(p, 0.2, 0.6) for p in (0.1, 0.4, 0.7)] == pytest.approx([0, 0.5, 1])


def small_network(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    ).double()


def test_the_direction_of_vat_is_a_step_of_power_iteration_on_the_hessian():
    network, x = small_network(), torch.randn(5, 6, dtype=torch.float64)
    logits, ball = network(x), Ball("l2", 1e-3)
    for steps in (1, 3):
        torch.manual_seed(9)
        found = direction(network, x, logits, ball, steps)
        torch.manual_seed(9)
        start = torch.randn_like(x)
        for row in range(5):
            fixed = logits[row : row + 1].detach()

            def away(delta, row=row, fixed=fixed):
                return divergence(fixed, network(x[row : row + 1] + delta)).sum()

            hessian = torch.autograd.functional.hessian(away, torch.zeros(6, dtype=torch.float64))
            expected = torch.linalg.matrix_power(hessian, steps) @ start[row]
            cosine = found[row] @ expected / expected.norm()
            assert float(cosine) == pytest.approx(1, abs=1e-4)
            assert float(found[row].norm()) == pytest.approx(1)


def test_vat_adds_the_divergence_at_the_end_of_the_direction():
    plan, network, batch = small_batch(VAT(weight=2.0, eps=0.5))
    x = torch.cat([batch.x, batch.unlabelled])
    ball = Ball.of(plan.data, "l2", 0.5 * math.sqrt(4))
    torch.manual_seed(3)
    near = x + ball.eps * direction(network, x, network(x), ball, 1)
    assert torch.allclose(ball.distance(near - x), torch.tensor(1.0))
    p, q = network(x).softmax(1), network(near).softmax(1)
    away = float((p * (p / q).log()).sum(1).mean().detach())
    assert away > 0
    expected = known(network, batch) + 2 * away
    assert value(plan, network, batch) == pytest.approx(expected, rel=1e-4)


def test_sharpening_raises_to_a_power_and_normalizes():
    p = torch.tensor([[0.6, 0.3, 0.1], [1.0, 0.0, 0.0]])
    torch.testing.assert_close(
        sharpened(p, 0.5), torch.tensor([[0.36 / 0.46, 0.09 / 0.46, 0.01 / 0.46], [1.0, 0, 0]])
    )
    torch.testing.assert_close(sharpened(p, 1.0), p)


def test_a_mix_keeps_the_larger_share_of_the_row_itself_and_its_categories():
    data = toy(Task.NOMINAL, "tabular")
    x, targets = data.train.x[:3], torch.eye(3)
    other, drawn = torch.tensor([2, 0, 1]), torch.tensor([0.9, 0.2, 0.5])
    found, mix = mixed(data, x, targets, other, drawn)
    for row, share in enumerate((0.9, 0.8, 0.5)):
        expected = share * x[row] + (1 - share) * x[other[row]]
        expected[4] = x[row, 4]  # a category
        torch.testing.assert_close(found[row], expected)
        torch.testing.assert_close(
            mix[row], share * targets[row] + (1 - share) * targets[other[row]]
        )


def test_mixmatch_learns_mixes_of_targets_and_sharpened_guesses():
    strategy = MixMatch(weight=20.0, warm_up=0.25, alpha=0.75)
    plan, network, batch = small_batch(strategy)
    torch.manual_seed(3)
    view = weak_view(plan.data)
    views = [view(batch.unlabelled) for _ in range(2)]
    mean = sum(network(seen).softmax(1) for seen in views).detach() / 2
    guess = mean**2 / (mean**2).sum(1, keepdim=True)
    x = torch.cat([batch.x, *views])
    targets = torch.cat([torch.eye(3)[batch.y], guess, guess])
    drawn = torch.distributions.Beta(0.75, 0.75).sample((17,))
    other = torch.randperm(17)
    labelled, gaps = [], []
    for row in range(17):
        share = max(float(drawn[row]), 1 - float(drawn[row]))
        mix = share * x[row] + (1 - share) * x[other[row]]
        target = share * targets[row] + (1 - share) * targets[other[row]]
        p = network(mix).softmax(0)
        if row < 5:
            labelled.append(float(-(target * p.log()).sum().detach()))
        else:
            gaps.append(float((target - p).square().mean().detach()))
    expected = np.mean(labelled) + 20 * np.mean(gaps)
    assert value(plan, network, batch) == pytest.approx(expected, rel=1e-4)


def test_mixmatch_refuses_a_temperature_that_makes_guesses_less_sure():
    with pytest.raises(InputError, match="temperature"):
        small_batch(MixMatch(temperature=2.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "strategy"),
    [
        (blobs, PseudoLabel()),
        (blobs, PiModel()),
        (blobs, VAT()),
        (moons, MeanTeacher()),
        (moons, MixMatch()),
    ],
    ids=lambda part: part.__name__ if callable(part) else part.card.name,
)
def test_with_three_labels_per_class_it_gains_on_what_it_was_made_for(task, strategy):
    assert accuracies(task, strategy).mean() > accuracies(task).mean() + 0.01
