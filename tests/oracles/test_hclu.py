import pytest
import torch
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from roadworthy import wrap_model
from roadworthy.attacks import HCLU
from roadworthy.attacks.evasion.hclu import nearest_in_two
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball


def process():
    """Two classes in the plane, of which a Gaussian process is sure."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(60, 2, generator=generator)
    y = (x[:, 0] + 0.5 * (6 * x[:, 1]).sin() > 0.6).long()
    ids = torch.arange(60)
    data = Dataset(
        "plane", Task.NOMINAL, ("a", "b"), (Split("train", x, y, ids), Split("test", x, y, ids))
    )
    kernel = ConstantKernel(100.0) * RBF(0.4)
    estimator = GaussianProcessClassifier(kernel, optimizer=None).fit(x.numpy(), y.numpy())
    model = wrap_model(estimator, data)
    x = x[:4]
    return model, x.double(), model(x).argmax(1)


@pytest.mark.parametrize("increase", [100.0, 1.5])
def test_slsqp_from_the_input_finds_nothing_nearer_than_hclu(increase):
    model, x, y = process()
    attack = HCLU(confidence=0.9, increase=increase)
    result = run_attack(attack, model, x, y, Ball("l2", 2.0))
    limit = increase * model.uncertainty(x)[:, 0]
    found = 0
    for row in range(len(x)):
        target = 1 - int(y[row])

        def demand(z, target=target, row=row):
            point = torch.tensor(z)[None]
            sure = model(point).softmax(1)[0, target] - 0.9
            return [float(sure), float(limit[row] / model.uncertainty(point)[0, 0]) - 1]

        constraint = {"type": "ineq", "fun": demand}
        run = minimize(
            lambda z, row=row: float(((torch.tensor(z) - x[row]) ** 2).sum()),
            x[row].numpy(), method="SLSQP", bounds=[(0, 1)] * 2, constraints=[constraint],
        )  # fmt: skip
        if run.success and min(demand(run.x)) > -1e-6:
            found += 1
            assert float(result.distance[row]) <= 1.02 * run.fun**0.5
    assert found >= 2


def test_hclu_keeps_both_demands():
    model, x, y = process()
    result = run_attack(HCLU(increase=2.0), model, x, y, Ball("l2", 2.0))
    assert result.success.any()
    ended = result.x[result.success]
    assert (model(ended).softmax(1).amax(1) >= 0.95).all()
    growth = model.uncertainty(ended) / model.uncertainty(x[result.success])
    assert (growth <= 2.0).all()


def test_the_shortest_vector_under_two_demands_is_that_of_a_general_solver():
    generator = torch.Generator().manual_seed(0)
    slopes = torch.randn(20, 2, 3, generator=generator, dtype=torch.float64)
    ends = torch.randn(20, 2, generator=generator, dtype=torch.float64)
    found = nearest_in_two(slopes, ends)
    for row in range(20):
        a, b = slopes[row].numpy(), ends[row].numpy()
        best = minimize(
            lambda u: u @ u, [0.1] * 3, method="SLSQP",
            constraints=[{"type": "ineq", "fun": lambda u, a=a, b=b: b - a @ u}],
        )  # fmt: skip
        assert float(found[row].norm()) == pytest.approx(best.fun**0.5, rel=1e-3, abs=1e-3)
