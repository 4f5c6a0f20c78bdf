"""MART against its formula, number by number."""

import math

import torch

from roadworthy.strategies import MART
from roadworthy.training.plan import Batch


def softmax(row):
    powers = [math.exp(value) for value in row]
    return [power / sum(powers) for power in powers]


def test_the_loss_is_the_papers_by_hand():
    clean = [[2.0, 0.5, -1.0], [0.2, 1.5, 0.1]]
    attacked = [[0.7, 1.1, -0.5], [0.9, 0.3, 0.8]]
    classes = [0, 2]
    total = 0.0
    for row in range(2):
        p, q = softmax(clean[row]), softmax(attacked[row])
        right = classes[row]
        runner_up = max(q[k] for k in range(3) if k != right)
        boosted = -math.log(q[right]) - math.log(1 - runner_up)
        divergence = sum(p[k] * math.log(p[k] / q[k]) for k in range(3))
        total += boosted + 5 * divergence * (1 - p[right])
    y = torch.tensor(classes)
    batch = Batch(torch.zeros(2, 1), y, y, torch.arange(2), 0.0)
    loss = MART(weight=5.0).loss(torch.tensor(clean), torch.tensor(attacked), batch)
    assert torch.allclose(loss, torch.tensor(total / 2))


def test_a_sure_wrong_answer_gives_a_finite_loss_and_slope():
    y = torch.tensor([0])
    logits = torch.tensor([[-200.0, 200.0]], requires_grad=True)
    loss = MART().loss(logits, logits, Batch(torch.zeros(1, 1), y, y, y, 0.0))
    loss.backward()
    assert bool(loss.isfinite())
    assert bool(logits.grad.isfinite().all())
