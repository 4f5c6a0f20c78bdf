import numpy as np
import polars as pl
from sklearn.linear_model import Ridge

import roadworthy as rw
from roadworthy.causes import CausalGraph, StructuralModel, average_effect, discover, refutations
from roadworthy.causes.discovery import METHODS, edge_counts
from roadworthy.core.estimates import mean

from .problems import ward

HALVES = 10
DECLARED = {  # graphs of `ward`
    "the right graph": "age -> dose; age -> target; dose -> level -> target",
    "a common cause is missing": "dose -> level -> target; age",
    "the arrows to the target are turned": "age -> dose; age -> target; target -> level -> dose",
}


def graphs():
    return {name: lambda rows, name=name: discover(rows, name) for name in METHODS}


def stable():
    """Arrows (D, D) that are found in eight of ten halves of the rows."""

    def often(rows, name):
        return edge_counts(rows, name, draws=HALVES).directed >= 0.8 * HALVES

    return {name: lambda rows, name=name: often(rows, name) for name in METHODS}


def effects(is_binary):
    def doubly_robust(treatment, outcome, held):
        found = mean("effect", average_effect(treatment, outcome, held).scores, seed=0)
        return found.value, found.low, found.high

    return {"augmented weighting" if is_binary else "partially linear": doubly_robust}


def refuted(treatment, outcome, held):
    """Which of the ways to estimate anew contradict the estimate."""
    return {one.name: one.is_refuted for one in refutations(treatment, outcome, held)}


def learned(problem):
    graph = CausalGraph(tuple(problem.edges), tuple(problem.names))
    rows = dict(zip(problem.names, problem.given.T, strict=True))
    return StructuralModel.learn(graph, rows)


def intervened(problem, resamples):
    treatment = problem.names[problem.treatment]
    found = learned(problem).effect(treatment, problem.names[-1], 0.0, 1.0, resamples=resamples)
    return found.value, found.low, found.high


def would_have_been(problem, were, set_to):
    model, treatment = learned(problem), problem.names[problem.treatment]
    said = [
        model.counterfactual(dict(zip(problem.names, row, strict=True)), {treatment: x}, draws=1)
        for row, x in zip(were.tolist(), set_to.tolist(), strict=True)
    ]
    return np.array([one[problem.names[-1]][0] for one in said])


def verdict_of_experiment(graph, n, seed):
    """What the check says of a declared graph, from rows in which the dose was set."""
    x, y, is_trial = ward(n, seed)
    is_test = np.arange(n) % 3 == 0
    parts = [
        (pl.DataFrame(x[rows], schema=["age", "dose", "level"]), y[rows])
        for rows in (~is_test, is_test)
    ]
    source = np.where(is_trial, "trial", "ward")
    data = rw.make_dataset(
        *parts[0],
        test=parts[1],
        columns={"source": np.r_[source[~is_test], source[is_test]]},
        environment="source",
    )
    check = "intervention-forecast"
    settings = {"graph": graph, "treatment": "dose", "experiment": "trial"}
    policy = rw.Policy(only=(check,), settings={check: settings})
    model = Ridge().fit(data.train.x.numpy(), data.train.y.numpy())
    report = rw.inspect(model, data, policy=policy, budget="quick", seed=seed, device="cpu")
    return next(str(one.verdict) for one in report.findings if one.scope == "causal graph")
