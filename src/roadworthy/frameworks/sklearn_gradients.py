"""Fitted scikit-learn estimators written again in torch, so that autograd gives exact gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn import (
    discriminant_analysis,
    gaussian_process,
    linear_model,
    naive_bayes,
    neural_network,
    svm,
)
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from torch import Tensor
from torch.nn.functional import logsigmoid

from roadworthy.frameworks.expression import Expression, as_tensor, two_columns
from roadworthy.frameworks.gaussian_processes import (
    gaussian_classification,
    gaussian_regression,
    gaussian_variance,
)
from roadworthy.frameworks.outputs import log_sigmoids
from roadworthy.frameworks.sklearn_steps import STEPS
from roadworthy.frameworks.support_vectors import vector_classification, vector_regression

Heads = dict[type, Callable[[Any], Expression | None]]


def express(estimator: BaseEstimator) -> Expression | None:
    """Write a fitted estimator as a function of (N, D) float64 rows, or give None.

    It gives what `Reader.read` gives: log-probabilities or decision values (N, K) in the
    order of the estimator's classes, or numbers (N,).
    """
    return _express(estimator, HEADS)


def express_variance(estimator: BaseEstimator) -> Expression | None:
    """Write the variance (N, K) of an estimator's latent functions, or give None."""
    return _express(estimator, VARIANCES)


def _express(estimator: BaseEstimator, heads: Heads) -> Expression | None:
    if type(estimator) is not Pipeline:
        build = heads.get(type(estimator))
        return build(estimator) if build else None
    steps: list[Expression] = []
    for step in (part for _, part in estimator.steps[:-1]):
        if step in (None, "passthrough"):
            continue
        build = STEPS.get(type(step))
        if build is None:
            return None
        steps.append(build(step))
    head = _express(estimator.steps[-1][1], heads)
    return None if head is None else _chain([*steps, head])


def _chain(parts: list[Expression]) -> Expression:
    def run(x: Tensor) -> Tensor:
        for part in parts:
            x = part(x)
        return x

    return run


def _linear_numbers(head: Any) -> Expression:
    weights, bias = as_tensor(head.coef_).reshape(-1), as_tensor(head.intercept_).reshape(-1)
    return lambda x: x @ weights + bias


def _affine(head: Any) -> Expression:
    weights, bias = as_tensor(np.atleast_2d(head.coef_)).T, as_tensor(head.intercept_)
    return lambda x: x @ weights + bias


def _linear_decision(head: Any) -> Expression:
    affine = _affine(head)
    return lambda x: two_columns(affine(x))


def _softmax(head: Any) -> Expression:
    affine = _affine(head)

    def scores(x: Tensor) -> Tensor:
        values = affine(x)
        return log_sigmoids(values[:, 0]) if values.shape[1] == 1 else values.log_softmax(1)

    return scores


def _one_against_rest(head: Any) -> Expression:
    affine = _affine(head)

    def scores(x: Tensor) -> Tensor:
        values = affine(x)
        if values.shape[1] == 1:
            return log_sigmoids(values[:, 0])
        logs = logsigmoid(values)
        return logs - logs.logsumexp(1, keepdim=True)

    return scores


def _logistic(head: Any) -> Expression:
    is_separate = head.solver == "liblinear" or getattr(head, "multi_class", None) == "ovr"
    return _one_against_rest(head) if is_separate else _softmax(head)


def _stochastic(head: Any) -> Expression | None:
    if head.loss == "modified_huber":  # its probabilities have kinks at which they are 0 and 1
        return None
    return _one_against_rest(head) if head.loss == "log_loss" else _linear_decision(head)


ACTIVATIONS: dict[str, Expression] = {
    "identity": lambda x: x,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
}


def _perceptron(head: Any) -> Expression:
    layers = [
        (as_tensor(w), as_tensor(b)) for w, b in zip(head.coefs_, head.intercepts_, strict=True)
    ]
    activation = ACTIVATIONS[head.activation]

    def run(x: Tensor) -> Tensor:
        for weights, bias in layers[:-1]:
            x = activation(x @ weights + bias)
        return x @ layers[-1][0] + layers[-1][1]

    return run


def _perceptron_classes(head: Any) -> Expression | None:
    run = _perceptron(head)
    if head.out_activation_ == "softmax":
        return lambda x: run(x).log_softmax(1)
    if head.out_activation_ == "logistic" and len(head.classes_) == 2:
        return lambda x: log_sigmoids(run(x)[:, 0])
    return None


def _perceptron_numbers(head: Any) -> Expression | None:
    run = _perceptron(head)
    return (lambda x: run(x)[:, 0]) if head.out_activation_ == "identity" else None


def _gaussian_bayes(head: Any) -> Expression:
    mean, variance, prior = (
        as_tensor(head.theta_),
        as_tensor(head.var_),
        as_tensor(head.class_prior_),
    )

    def scores(x: Tensor) -> Tensor:
        squares = ((x[:, None] - mean).square() / variance).sum(2)
        return (prior.log() - (variance.log().sum(1) + squares) / 2).log_softmax(1)

    return scores


def _multinomial_bayes(head: Any) -> Expression:
    weights, bias = as_tensor(head.feature_log_prob_).T, as_tensor(head.class_log_prior_)
    return lambda x: (x @ weights + bias).log_softmax(1)


HEADS: Heads = {
    **dict.fromkeys(
        (
            linear_model.ARDRegression,
            linear_model.BayesianRidge,
            linear_model.ElasticNet,
            linear_model.ElasticNetCV,
            linear_model.HuberRegressor,
            linear_model.Lasso,
            linear_model.LassoCV,
            linear_model.LinearRegression,
            linear_model.Ridge,
            linear_model.RidgeCV,
            linear_model.SGDRegressor,
            svm.LinearSVR,
        ),
        _linear_numbers,
    ),
    **dict.fromkeys(
        (
            linear_model.Perceptron,
            linear_model.RidgeClassifier,
            linear_model.RidgeClassifierCV,
            svm.LinearSVC,
        ),
        _linear_decision,
    ),
    gaussian_process.GaussianProcessClassifier: gaussian_classification,
    gaussian_process.GaussianProcessRegressor: gaussian_regression,
    linear_model.LogisticRegression: _logistic,
    linear_model.LogisticRegressionCV: _logistic,
    linear_model.SGDClassifier: _stochastic,
    discriminant_analysis.LinearDiscriminantAnalysis: _softmax,
    svm.NuSVC: vector_classification,
    svm.SVC: vector_classification,
    svm.NuSVR: vector_regression,
    svm.SVR: vector_regression,
    neural_network.MLPClassifier: _perceptron_classes,
    neural_network.MLPRegressor: _perceptron_numbers,
    naive_bayes.GaussianNB: _gaussian_bayes,
    naive_bayes.MultinomialNB: _multinomial_bayes,
}

VARIANCES: Heads = {gaussian_process.GaussianProcessClassifier: gaussian_variance}
