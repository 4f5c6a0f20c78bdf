"""What detectors score, by hand, and what attacks made without knowing of them look like."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import empirical_covariance
from sklearn.metrics import roc_auc_score
from torch.nn.functional import cross_entropy

from roadworthy.attacks import DeepFool
from roadworthy.core.dataset import Split
from roadworthy.core.detector import roc
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model, ModelSpec, Offer
from roadworthy.core.threat import Ball
from roadworthy.guards import DETECTORS, MahalanobisDetector, SqueezingDetector
from tests.guard_subjects import digits
from tests.models import GRADED, LinearModel


class Inside(Model):
    """Embeds rows as they are."""

    def __init__(self):
        offers = GRADED | {Offer.EMBEDDINGS}
        super().__init__(ModelSpec("inside", "nominal", (3,), 3, offers, "inside"))

    def forward(self, x):
        return x

    def features(self, x):
        return x


def rows():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(90) % 3
    mixing = torch.tensor([[1.0, 0.5, 0.0], [0.0, 2.0, 0.3], [0.0, 0.0, 0.5]])
    x = torch.randn(90, 3, generator=generator) @ mixing + 4 * torch.eye(3)[y]
    return Split("train", x, y, torch.arange(90))


def test_the_distance_is_scipys_to_the_nearest_class():
    some, model = rows(), Inside()
    detector = MahalanobisDetector(shrinkage=0.1)
    x = some.x.double().numpy()
    means = [x[some.y.numpy() == k].mean(0) for k in range(3)]
    within = empirical_covariance(x - np.stack(means)[some.y.numpy()], assume_centered=True)
    mixed = 0.9 * within + 0.1 * np.trace(within) / 3 * np.eye(3)
    inverse = np.linalg.inv(mixed)
    new = torch.randn(20, 3, generator=torch.Generator().manual_seed(1)) * 3
    expected = [min(mahalanobis(row, m, inverse) ** 2 for m in means) for row in new.numpy()]
    scores = detector.scores(model, detector.learn(model, some), new)
    torch.testing.assert_close(scores.double(), torch.tensor(expected), rtol=1e-3, atol=1e-3)


def test_classes_that_do_not_occur_have_no_mean():
    some = rows()
    some = some.take(some.y != 1)
    detector = MahalanobisDetector()
    assert detector.learn(Inside(), some)["means"].shape == (2, 3)


def test_a_model_without_embeddings_is_refused():
    model = LinearModel(torch.eye(3), torch.zeros(3), (3,))
    with pytest.raises(InputError, match="needs embeddings"):
        MahalanobisDetector().learn(model, rows())


def test_the_score_is_how_far_probabilities_move_when_squeezed():
    weight = torch.zeros(16, 2)
    weight[5, 0] = 8.0
    model, x = LinearModel(weight, torch.tensor([-4.0, 0.0]), (1, 4, 4)), torch.zeros(3, 1, 4, 4)
    x[0, 0, 1, 1] = 1  # a lone pixel, which medians remove
    x[1] = 1  # nothing removes all
    x[2] = 0.55  # one bit makes it 1
    chance = [torch.tensor(8 * level - 4).sigmoid() for level in (0.0, 0.55, 1.0)]
    scores = SqueezingDetector(bits=1, window=3).scores(model, {}, x)
    expected = [2 * (chance[2] - chance[0]), torch.tensor(0.0), 2 * (chance[2] - chance[1])]
    torch.testing.assert_close(scores, torch.stack(expected))


def test_the_area_is_that_of_scikit_learn_with_an_interval():
    generator = torch.Generator().manual_seed(0)
    clean = torch.randn(80, generator=generator)
    adversarial = torch.randn(60, generator=generator) + 1
    expected = roc_auc_score([0] * 80 + [1] * 60, torch.cat([clean, adversarial]).numpy())
    area = roc(clean, adversarial)
    assert area.value == pytest.approx(expected)
    assert area.low < area.value < area.high
    assert area.n == 140


# medians cost half of the answers on images of 8 × 8 pixels, so clean ones look suspicious
ON_DIGITS = pytest.mark.parametrize(
    "detector", [SqueezingDetector(window=1), MahalanobisDetector()]
)


@ON_DIGITS
def test_inputs_just_over_the_boundary_are_noticed(detector):
    data, model, x, y = digits()
    learned = detector.learn(model, data.train)
    found = DeepFool()(model, x, y, Ball("l2", 10.0))
    clean, adversarial = (detector.scores(model, learned, z) for z in (x, found.x[found.success]))
    assert roc(clean, adversarial).low >= 0.8


@ON_DIGITS
def test_inputs_made_to_have_low_scores_are_not_noticed(detector):
    data, model, x, y = digits()
    learned = detector.learn(model, data.train)
    adversarial = x
    for _ in range(100):
        z = adversarial.clone().requires_grad_()
        error = cross_entropy(model(z), y, reduction="none")
        # first a clear error, then a low score
        loss = torch.where(error < 3, error, -detector.scores(model, learned, z))
        (gradient,) = torch.autograd.grad(loss.sum(), z)
        z = adversarial + 0.01 * gradient.sign()
        adversarial = (x + (z - x).clamp(-0.3, 0.3)).clamp(0, 1)
    is_wrong = model(adversarial).argmax(1) != y
    clean, low = (detector.scores(model, learned, z) for z in (x, adversarial[is_wrong]))
    assert is_wrong.double().mean() >= 0.9
    assert roc(clean, low).value <= 0.6


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: d.card.name)
def test_scores_are_differentiable_do_not_depend_on_the_batch_and_are_explained(detector):
    data, model, x, _ = digits()
    made = detector()
    learned, x = made.learn(model, data.train), x[:6].clone().requires_grad_()
    scores = made.scores(model, learned, x)
    assert scores.shape == (6,)
    torch.testing.assert_close(made.scores(model, learned, x[:1]), scores[:1])
    (gradient,) = torch.autograd.grad(scores.sum(), x)
    assert gradient.isfinite().all()
    assert (gradient != 0).any()
    assert "Source: " in detector.__doc__
    assert all(f"{part.name}: " in detector.__doc__ for part in fields(detector))
    assert replace(made) == made
