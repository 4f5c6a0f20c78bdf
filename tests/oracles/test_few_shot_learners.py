"""Few-shot learners against formulas, scikit-learn and derivatives by hand."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.neighbors import NearestCentroid
from torch import nn
from torch.nn import functional

from roadworthy.core.errors import InputError
from roadworthy.fewshot import ANIL, MAML, EpisodeShape, EpisodeSource, RelationNetwork, SimpleShot
from roadworthy.fewshot.baseline_plus_plus import CosineRefit, scaled_cosines
from roadworthy.fewshot.inner_loop import descend
from roadworthy.fewshot.maml import HEAD
from roadworthy.fewshot.matching_networks import Attention
from roadworthy.fewshot.proto_net import Prototypes
from roadworthy.fewshot.simple_shot import NearestMeans
from tests.few_shot_data import pictures

NOBODY = frozenset()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def vectors():
    """Two tasks of 3 classes and 2 shots, with features as items."""
    draw = torch.Generator().manual_seed(4)
    y = torch.tensor([[0, 0, 1, 1, 2, 2], [2, 0, 1, 2, 1, 0]])
    support = torch.randn(2, 6, 5, generator=draw, dtype=torch.float64) + 2 * y[..., None]
    return support, y, torch.randn(2, 4, 5, generator=draw, dtype=torch.float64) + 2


def test_proto_net_answers_by_squared_distances_to_means(vectors):
    support, y, query = vectors
    found = Prototypes(nn.Identity(), NOBODY).answer(support, y, query)
    for task in range(2):
        means = np.stack([support[task][y[task] == k].mean(0).numpy() for k in range(3)])
        for number, item in enumerate(query[task].numpy()):
            logits = [-np.sum((item - mean) ** 2) for mean in means]
            expected = logits - np.logaddexp.reduce(logits)
            assert np.abs(found[task, number].numpy() - expected).max() < 1e-12


def test_matching_network_answers_by_the_softmax_of_cosines(vectors):
    support, y, query = vectors
    found = Attention(nn.Identity(), 1.0, NOBODY).answer(support, y, query).exp()
    for task in range(2):
        for number, item in enumerate(query[task].numpy()):
            rows = support[task].numpy()
            cosines = rows @ item / np.linalg.norm(rows, axis=1) / np.linalg.norm(item)
            attention = np.exp(cosines) / np.exp(cosines).sum()
            expected = [attention[y[task].numpy() == k].sum() for k in range(3)]
            assert np.abs(found[task, number].numpy() - expected).max() < 1e-12


@pytest.mark.parametrize("transform", ["CL2N", "L2N", "UN"])
def test_simple_shot_is_scikit_learns_nearest_centroid(transform, vectors):
    support, y, query = vectors
    center = torch.full((5,), 0.7, dtype=torch.float64)
    found = NearestMeans(nn.Identity(), center, transform, NOBODY).answer(support, y, query)

    def transformed(x):
        x = x.numpy() - 0.7 * (transform == "CL2N")
        return x if transform == "UN" else x / np.linalg.norm(x, axis=1, keepdims=True)

    for task in range(2):
        oracle = NearestCentroid().fit(transformed(support[task]), y[task].numpy())
        expected = oracle.predict(transformed(query[task]))
        assert np.array_equal(found[task].argmax(1).numpy(), expected)


def test_simple_shot_takes_features_of_any_network_and_centers_by_their_mean():
    base = pictures(3, name="base")
    adapter = SimpleShot().of(nn.Flatten(), base)
    assert torch.allclose(adapter.center, base.x.flatten(1).mean(0), atol=1e-6)


def test_an_unknown_transform_is_refused():
    with pytest.raises(InputError, match="one of CL2N, L2N, UN"):
        SimpleShot(transform="CLN")


def test_the_refit_of_baseline_finds_the_optimum_that_scipy_finds(vectors):
    support, y, _ = vectors
    adapter = CosineRefit(nn.Identity(), 4.0, 1000, 0.05, NOBODY)
    found = adapter.refit(support, y)
    unit = functional.normalize(support, dim=2)
    for task in range(2):

        def loss(flat, task=task):
            weight = torch.tensor(flat).reshape(3, 5).requires_grad_()
            value = functional.cross_entropy(scaled_cosines(unit[task], weight, 4.0), y[task])
            return value.item(), torch.autograd.grad(value, weight)[0].numpy().ravel()

        means = np.stack([unit[task][y[task] == k].mean(0).numpy() for k in range(3)])
        best = minimize(loss, means.ravel(), jac=True, method="L-BFGS-B", tol=1e-14)
        expected = functional.normalize(torch.tensor(best.x).reshape(3, 5), dim=1)
        assert torch.allclose(found[task], expected, atol=1e-3)  # flat near the optimum


def quadratic():
    """L(w) = ½ (w - a)ᵀ A (w - a) on the support, ½ |w - b|² on the queries."""
    draw = torch.Generator().manual_seed(1)
    root, a, b, w = (torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in SHAPES)
    curve = root @ root.T / 3

    def support_loss(weights):
        away = weights["w"] - a
        return away @ curve @ away / 2

    return support_loss, curve, a, b, w.requires_grad_()


SHAPES = ((3, 3), (3,), (3,), (3,))
RATE, STEPS = 0.1, 4


def test_the_slope_through_the_inner_steps_is_that_of_the_unrolled_quadratic():
    support_loss, curve, a, b, start = quadratic()
    end = descend(support_loss, {"w": start}, RATE, STEPS)["w"]
    (found,) = torch.autograd.grad((end - b).square().sum() / 2, start)
    through = torch.matrix_power(torch.eye(3, dtype=torch.float64) - RATE * curve, STEPS)
    assert torch.allclose(end, a + through @ (start - a))
    assert torch.allclose(found, through @ (end - b))


def test_the_first_order_slope_leaves_out_the_curvature():
    support_loss, _, _, b, start = quadratic()
    end = descend(support_loss, {"w": start}, RATE, STEPS, is_first_order=True)["w"]
    (found,) = torch.autograd.grad((end - b).square().sum() / 2, start)
    assert torch.allclose(found, end - b)


@pytest.mark.parametrize("learner", [MAML(width=4, steps=2), ANIL(width=4, steps=2)])
def test_the_slope_through_a_network_is_that_of_finite_differences(learner):
    base = pictures(6, name="base")
    tasks = EpisodeSource(base, EpisodeShape(3, 1, 2)).draw(0, 0, 2)
    torch.manual_seed(0)
    adapter = learner.start(base).double().eval()

    def loss():
        answers = adapter(tasks.support_x.double(), tasks.support_y, tasks.query_x.double())
        return functional.nll_loss(answers.flatten(0, 1), tasks.query_y.flatten())

    (slope,) = torch.autograd.grad(loss(), adapter.row)
    for number in range(len(adapter.row)):
        ends = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                adapter.row[number] += step
                ends.append(loss())
                adapter.row[number] -= step
        assert slope[number] == pytest.approx(float(ends[0] - ends[1]) / 2e-6, abs=1e-7)


def adapted(learner):
    """Give a network's weights before and after the descent on one support."""
    base = pictures(6, name="base")
    tasks = EpisodeSource(base, EpisodeShape(3, 2, 2)).draw(0, 0, 1)
    torch.manual_seed(0)
    adapter = learner.start(base).eval()
    before = dict(adapter.network.named_parameters())
    return adapter, before, tasks.support_x[0], tasks.support_y[0]


def test_maml_changes_the_whole_network():
    adapter, before, x, y = adapted(MAML(width=16))
    after = adapter.adapted(x, y, 3)
    assert all(not torch.equal(after[name], weight) for name, weight in before.items())
    assert not torch.equal(after[HEAD + "weight"], adapter.row.expand(3, -1))


def test_anil_changes_the_last_layer_only():
    adapter, before, x, y = adapted(ANIL(width=4))
    after = adapter.adapted(adapter.network(x), y, 3)
    assert set(after) == {"weight", "bias"}
    assert not torch.equal(after["weight"], adapter.row.expand(3, -1))
    assert all(weight is before[name] for name, weight in adapter.network.named_parameters())


def test_one_step_from_a_shared_row_moves_the_last_layer_alone():
    adapter, before, x, y = adapted(MAML(width=4, steps=1))
    after = adapter.adapted(x, y, 3)
    # the classes' slopes with respect to the features cancel where all rows are alike
    assert all(torch.allclose(after[name], weight, atol=1e-6) for name, weight in before.items())


def test_a_relation_is_that_of_the_maps_put_together():
    base = pictures(6, name="base")
    tasks = EpisodeSource(base, EpisodeShape(3, 2, 2)).draw(0, 0, 1)
    torch.manual_seed(0)
    adapter = RelationNetwork(width=4).start(base).eval()
    found = adapter.relations(tasks.support_x, tasks.support_y, tasks.query_x)[0]
    maps, asked = adapter.network(tasks.support_x[0]), adapter.network(tasks.query_x[0])
    together = nn.Conv2d(8, 4, 3, padding=1)
    with torch.no_grad():
        together.weight.copy_(torch.cat([adapter.of_query.weight, adapter.of_class.weight], 1))
        together.bias.copy_(adapter.of_query.bias)
    for number in range(6):
        for k in range(3):
            ours = maps[tasks.support_y[0] == k].mean(0)
            pair = torch.cat([asked[number], ours])[None]
            expected = adapter.score(together(pair)).squeeze()
            assert found[number, k].item() == pytest.approx(expected.item(), abs=1e-5)
