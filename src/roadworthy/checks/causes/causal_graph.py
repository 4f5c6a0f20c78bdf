from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.causal_edges import CausalEdges, CausalEdgesValue
from roadworthy.artifacts.column_reliance import ColumnReliance
from roadworthy.causes.graph import reached
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, largest, mean, proportion
from roadworthy.core.finding import Finding, Remedy, Table, Verdict, compare

EDGES = CausalEdges()
STABLE = 0.5  # share of the halves in which an edge must surely be found
AGREED = 2  # methods that must find it
MOST_EDGES = 30


@dataclass(frozen=True)
class CausalGraph(Check):
    """Do sensitive attributes, or the environment, act on columns that the model uses?

    What it does: looks for what acts on what by three methods of different assumptions (PC, GES,
    DirectLiNGAM), each on 20 halves of the rows. An edge is stable where two methods find it in
    surely more than half of them. Nothing acts on sensitive attributes and the environment, so an
    edge at one of them leads away from it. Judged is how far the model's answers move when a
    column is shuffled that a path of stable edges leads to. It warns, and never passes or fails.
    Why it matters: a column that an attribute acts on stands for it: a model without the attribute
    decides by it all the same. What the environment acts on will be otherwise elsewhere.
    When it does not apply: images; no sensitive attribute or environment is named; more than two
    classes; causal-learn is not installed. All methods take relations for linear and common causes
    for recorded; where that is not so, edges mean less. That no path is found is no proof.
    How to fix: ask whether the path is legitimate; drop the column, compare groups, or train for
    what holds in all environments.
    References: Spirtes and Glymour 1991, doi:10.1177/089443939100900106; Chickering 2002, JMLR 3;
    Shimizu et al. 2011, JMLR 12; Zheng et al. 2024, arXiv:2307.16405 (causal-learn); Meinshausen
    and Bühlmann 2010, arXiv:0809.2932 (stability); Kilbertus et al. 2017, arXiv:1706.02744
    (proxies).

    Args:
        max_reliance: how far answers may move on average when such a column is shuffled.
    """

    max_reliance: float = limit(
        0.02, "below", "no standard sets one; 0.02 is two points of probability"
    )

    card = Card(
        "causal-graph",
        "Attributes that act through columns",
        aliases=("causal-discovery",),
        paper="arxiv:2307.16405",
    )
    code = "RW-CAUSE-002"
    area = "causes"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        if not data.features:
            raise NotAssessed("it looks at the columns of a table; the inputs are images")
        if not data.roles.sensitive and data.roles.environment is None:
            raise NotAssessed(
                "no sensitive attribute or environment is named: pass --sensitive COLUMN or "
                "--environment COLUMN"
            )
        if len(data.classes) > 2:
            raise NotAssessed(f"it takes a number or two classes; there are {len(data.classes)}")
        return (EDGES, ColumnReliance())

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        edges = get(EDGES)
        if not edges.roots:
            raise NotAssessed("the attributes are alike in all but a few rows")
        stable = list(_stable(edges))
        roots = [edges.names[k] for k in edges.roots]
        led_to = reached(roots, stable) - set(roots)
        reliance = self._reliance(subject, edges, led_to, get(ColumnReliance()).moved.numpy())
        tables = (_table(edges, stable),)
        if not reliance:
            reason = (
                f"no path of stable edges leads from {_list(roots)} to a column, which is no proof "
                "that none does"
            )
            return (not_assessed(self, reason, tables=tables),)
        estimate, threshold = largest(reliance), self.threshold("max_reliance")
        is_within = compare(estimate, threshold) is Verdict.PASS
        paths = ", ".join(f"{one!r} on {other!r}" for one, other in stable if one in roots)
        return (
            self.finding(
                f"Paths of stable edges lead from {_list(roots)} to "
                f"{_list(sorted(led_to & _columns(subject)))} ({paths}). The model's answers move "
                f"by up to {estimate.value:.3f} when one of these columns is shuffled.",
                verdict=Verdict.NOT_ASSESSED if is_within else Verdict.WARN,
                reason="the model hardly uses these columns; other paths may be unseen"
                if is_within
                else "",
                estimate=estimate,
                threshold=threshold,
                measures=tuple(reliance),
                tables=tables,
                remedies=(
                    Remedy("Ask of each column whether it may stand for the attribute."),
                    Remedy("Compare groups and environments, and train without the column."),
                ),
            ),
        )

    def _reliance(
        self, subject: Subject, edges: CausalEdgesValue, led_to: set[str], moved: np.ndarray
    ) -> list[Measure]:
        columns = [j for j in edges.columns if subject.dataset.features[j].name in led_to]
        return [
            mean(
                f"how far answers move when {subject.dataset.features[j].name!r} is shuffled",
                moved[j],
                seed=subject.seed_for(self),
                unit="share" if subject.dataset.classes else "",
                comparisons=len(columns),
            )
            for j in columns
        ]


def _columns(subject: Subject) -> set[str]:
    return {feature.name for feature in subject.dataset.features}


def _list(names: list[str]) -> str:
    return ", ".join(map(repr, names))


def _stable(edges: CausalEdgesValue) -> Iterator[tuple[str, str]]:
    counts = edges.directed.numpy()
    agreed = np.zeros(counts.shape[1:], dtype=int)
    for found in counts:
        for i, j in np.argwhere(found):
            agreed[i, j] += proportion("", int(found[i, j]), edges.draws).low > STABLE
    for i, j in np.argwhere(agreed >= AGREED):
        yield edges.names[i], edges.names[j]


def _table(edges: CausalEdgesValue, stable: list[tuple[str, str]]) -> Table:
    counts, undirected = edges.directed.numpy(), edges.undirected.numpy()
    rows = []
    for i, j in np.argwhere((counts + undirected).sum(0)):
        if counts[:, i, j].sum() == 0 and (i > j or counts[:, j, i].sum()):
            continue  # it stands there the other way round
        shares = [proportion("", int(found[i, j]), edges.draws) for found in counts]
        best = max(shares, key=lambda share: share.low)
        pair = (edges.names[i], edges.names[j])
        either = float(undirected[:, i, j].max() / edges.draws)
        told = tuple(share.value for share in shares)
        rows.append((*pair, *told, best.low, best.high, either, str(pair in stable).lower()))
    rows.sort(key=lambda row: -max(*row[2:5], row[7]))
    methods = tuple(method.upper() for method in EDGES.methods)
    return Table(
        f"Edges by the share of {edges.draws} halves of {edges.rows} rows in which they were found",
        ("acts", "on", *methods, "best, low", "best, high", "direction unknown", "stable"),
        tuple(rows[:MOST_EDGES]),
    )
