import logging
import warnings

import networkx as nx
import numpy as np
import pandas as pd
from dowhy import CausalModel, gcm

logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")
gcm.config.disable_progress_bars()
REPEATS = 20  # as many as ours
HELD = ("c0", "c1")
REFUTERS = {
    "placebo treatment": ("placebo_treatment_refuter", {"placebo_type": "permute"}),
    "random common cause": ("random_common_cause", {}),
    "part of the rows": ("data_subset_refuter", {}),
}


def asked(treatment, outcome, held, is_binary):
    frame = pd.DataFrame({"t": treatment == 1 if is_binary else treatment, "y": outcome})
    frame[list(HELD)] = held
    model = CausalModel(frame, "t", "y", common_causes=list(HELD))
    return model, model.identify_effect(proceed_when_unidentifiable=True)


def effects(is_binary):
    names = ["linear_regression"]
    names += ["propensity_score_weighting", "propensity_score_matching"] if is_binary else []

    def by(name):
        def estimated(treatment, outcome, held):
            model, estimand = asked(treatment, outcome, held, is_binary)
            found = model.estimate_effect(
                estimand, method_name=f"backdoor.{name}", confidence_intervals=True
            )
            low, high = np.ravel(found.get_confidence_intervals())
            return found.value, low, high

        return estimated

    return {name.replace("_", " "): by(name) for name in names}


def refuted(treatment, outcome, held):
    is_binary = bool(np.isin(treatment, (0, 1)).all())
    model, estimand = asked(treatment, outcome, held, is_binary)
    found = model.estimate_effect(estimand, method_name="backdoor.linear_regression")

    def contradicts(name, more):
        again = model.refute_estimate(
            estimand,
            found,
            method_name=name,
            num_simulations=REPEATS,
            random_seed=0,
            show_progress_bar=False,
            **more,
        )
        return bool(again.refutation_result["is_statistically_significant"])

    return {kind: contradicts(name, more) for kind, (name, more) in REFUTERS.items()}


def learned(problem):
    rows = pd.DataFrame(problem.given, columns=problem.names)
    graph = nx.DiGraph(problem.edges)
    graph.add_nodes_from(problem.names)
    model = gcm.InvertibleStructuralCausalModel(graph)
    gcm.auto.assign_causal_mechanisms(model, rows)
    gcm.fit(model, rows)
    return model, rows


def intervened(problem, resamples):
    model, rows = learned(problem)
    treatment, target = problem.names[problem.treatment], problem.names[-1]

    def effect(model):
        said = gcm.average_causal_effect(
            model,
            target,
            {treatment: lambda _: 1.0},
            {treatment: lambda _: 0.0},
            num_samples_to_draw=5000,
        )
        return np.array([said])

    again = gcm.fit_and_compute(effect, model, rows)
    value, bounds = gcm.confidence_intervals(again, num_bootstrap_resamples=resamples)
    return float(value[0]), *map(float, bounds[0])


def would_have_been(problem, were, set_to):
    model, _ = learned(problem)
    treatment, target = problem.names[problem.treatment], problem.names[-1]
    rows = pd.DataFrame(were, columns=problem.names)
    rows.index = range(len(rows))
    # each row is set to one more than it was: a function of the value does that for all
    changed = gcm.counterfactual_samples(model, {treatment: lambda x: x + 1}, observed_data=rows)
    assert np.allclose(set_to, rows[treatment] + 1)
    return changed[target].to_numpy()
