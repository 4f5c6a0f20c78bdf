from roadworthy.artifacts.experiment_forecast import TARGET
from roadworthy.causes.graph import CausalGraph
from roadworthy.core.check import Check
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError


def declared_graph(check: Check, text: str, treatment: str, data: Dataset) -> CausalGraph:
    """Read a causal graph from a check's settings.

    Raises:
        InputError: the treatment is no column, or the graph lacks it or the target.
    """
    graph = CausalGraph.parse(text)
    if treatment not in {feature.name for feature in data.features}:
        raise InputError(
            f"treatment of check {check.card.name} is {treatment!r}, which is no column"
        )
    for name in (treatment, TARGET):
        if name not in graph.names:
            raise InputError(f"graph of check {check.card.name} does not name {name!r}")
    return graph
