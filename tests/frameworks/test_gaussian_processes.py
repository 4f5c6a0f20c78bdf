import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)
from torch.autograd import gradcheck

from roadworthy import wrap_model
from roadworthy.core.model import Offer

KERNELS = [
    ConstantKernel(2.0) * RBF(1.5),
    RBF([1.0, 2.0, 0.5, 3.0]),
    Matern(1.0, nu=1.5) + WhiteKernel(0.1),
    Matern(2.0, nu=2.5),
    RationalQuadratic(1.0, 0.7) + DotProduct(0.5),
]


def kept(kernel, kind=GaussianProcessClassifier, **more):
    return kind(kernel, optimizer=None, **more)  # the kernel as it is: no search


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("name", ["table", "binary"])
def test_a_gaussian_process_in_torch_gives_its_own_probabilities(kernel, name, request):
    data = request.getfixturevalue(name)
    estimator = kept(kernel).fit(data.train.x.numpy(), data.train.y.numpy())
    model, x = wrap_model(estimator, data), 2 * data.test.x.double()
    assert {Offer.GRADIENTS, Offer.UNCERTAINTY} <= model.spec.offers
    assert np.allclose(model(x).exp(), estimator.predict_proba(x.numpy()), atol=1e-9)
    # its five error functions cancel to 3 digits less, so differences need a longer step
    assert gradcheck(model.forward, x[:3].clone().requires_grad_(), eps=1e-4, atol=1e-3)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_its_uncertainty_is_the_variance_of_the_latent_function(kernel, table):
    estimator = kept(kernel).fit(table.train.x.numpy(), table.train.y.numpy())
    model, x = wrap_model(estimator, table), 2 * table.test.x.double()
    parts = estimator.base_estimator_.estimators_
    expected = np.stack([part.latent_mean_and_variance(x.numpy())[1] for part in parts], 1)
    assert np.allclose(model.uncertainty(x), expected, atol=1e-9)
    rows = x[:3].clone().requires_grad_()
    assert gradcheck(model.uncertainty, rows, atol=1e-4, check_undefined_grad=False)
    assert model.passes.forward >= len(x)


@pytest.mark.parametrize("normalizes", [True, False])
def test_a_gaussian_process_in_torch_gives_its_own_numbers(normalizes, numbers):
    estimator = kept(KERNELS[2], GaussianProcessRegressor, normalize_y=normalizes)
    estimator.fit(numbers.train.x.numpy(), numbers.train.y.numpy())
    model, x = wrap_model(estimator, numbers), numbers.test.x.double()
    assert Offer.GRADIENTS in model.spec.offers
    assert np.allclose(model(x), estimator.predict(x.numpy()), atol=1e-9)
