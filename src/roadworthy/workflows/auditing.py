from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from roadworthy.artifacts.data_values import DataValues
from roadworthy.artifacts.duplicates import EqualRows, NearDuplicates
from roadworthy.artifacts.label_issues import LabelIssues
from roadworthy.artifacts.training_dynamics import TrainingDynamics
from roadworthy.artifacts.training_outliers import RARE, TrainingOutliers
from roadworthy.checks.methodology.exact_duplicates import repeats, telling_rows
from roadworthy.core.artifact import Artifact, Bench, Store, V
from roadworthy.core.audit import Audit, Issue, Line
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.effort import Effort
from roadworthy.core.errors import ArtifactError, NotAssessed
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.core.threads import threads_for
from roadworthy.sources import baseline_for, load_model
from roadworthy.workflows.inspection import make_subject


def audit(
    data: Dataset,
    model: str | Model = "",
    *,
    budget: str | Effort = "standard",
    seed: int = 0,
    device: str = "cpu",
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Say what is known of each training row: a list to look through, and to try by retraining.

    Args:
        data: its training rows are looked at; of test rows, whether training rows repeat them.
        model: trained again on parts of the rows to doubt labels; by default the usual recipe.
        budget: `quick`, `standard`, `thorough` or a number of seconds as text.
        seed: the root of every random number.
        device: `auto`, `cpu` or `cuda`.
        store: folder where finished artifacts are kept, shared with inspections.
        progress: where to say how far the work is.
    """
    named = model or baseline_for(data.name)
    loaded = named if isinstance(named, Model) else load_model(named, data, seed=seed)
    effort = budget if isinstance(budget, Effort) else Effort.parse(budget)
    subject = make_subject(loaded, data, seed=seed, effort=effort, device=device)
    return audit_on(Bench(subject, Store(None if store is None else Path(store)), progress))


def audit_on(bench: Bench) -> Audit:
    """Audit what is on a bench, of artifacts that it makes or has."""
    lines: list[Line] = []
    refused: dict[str, str] = {}
    with threads_for(bench.subject.dataset.test.x):
        for name, look in LOOKS.items():
            try:
                lines += look(bench)
            except (NotAssessed, ArtifactError) as reason:  # the others may still be known
                refused[name] = str(reason)
    return Audit(tuple(lines), refused)


def _get(bench: Bench, request: Artifact[V]) -> V:
    return bench.get_for((request,))(request)


def _wrong_labels(bench: Bench) -> list[Line]:
    data = bench.subject.dataset
    if data.task == Task.REGRESSION:
        raise NotAssessed("class labels are doubted; the target is a number")
    issues = _get(bench, LabelIssues("train"))
    suspected = issues.order[: int(issues.is_issue.sum())]
    proposed = issues.suggested
    # where no class is surely right, the likeliest may be the given one: nothing is proposed
    suspected = suspected[proposed[suspected] != data.train.y[suspected]]
    return [
        _line(data, k, Issue.LABEL, issues.score[k], proposed=data.classes[proposed[k]])
        for k in suspected.tolist()
    ]


def _duplicates(bench: Bench) -> list[Line]:
    """List training rows that equal a test row, or an earlier training row."""
    data, equal = bench.subject.dataset, _get(bench, EqualRows())
    train, test = equal.train.numpy(), equal.test.numpy()
    is_telling = telling_rows(data)["train"]
    number, first = np.unique(test, return_index=True)
    copied = np.isin(train, test) & is_telling
    original = data.test.ids.numpy()[first[np.searchsorted(number, train[copied])]]
    number, first = np.unique(train, return_index=True)
    again = repeats(train) & is_telling & ~copied
    earlier = data.train.ids.numpy()[first[np.searchsorted(number, train[again])]]
    return [
        _line(data, k, Issue.DUPLICATE, 1.0, other=f"{split}:{row}")
        for split, mask, others in (("test", copied, original), ("train", again, earlier))
        for k, row in zip(np.flatnonzero(mask), others, strict=True)
    ]


def _near_duplicates(bench: Bench) -> list[Line]:
    data, equal = bench.subject.dataset, _get(bench, EqualRows())
    pairs = _get(bench, NearDuplicates(bench.subject.effort.judged))
    # the clearest pair of each training row; pairs come sorted
    kept = np.sort(np.unique(pairs.train.numpy(), return_index=True)[1])
    kept = kept[~np.isin(equal.train.numpy()[pairs.train[kept]], equal.test.numpy())]
    return [
        _line(
            data,
            int(pairs.train[k]),
            Issue.NEAR_DUPLICATE,
            pairs.score[k],
            other=f"test:{int(data.test.ids[pairs.test[k]])}",
        )
        for k in kept
    ]


def _outliers(bench: Bench) -> list[Line]:
    found = _get(bench, TrainingOutliers(bench.subject.effort.judged))
    order = found.p_values.argsort(stable=True)
    order = order[found.p_values[order] <= RARE]
    rows = found.rows[order].tolist()
    return [
        _line(bench.subject.dataset, row, Issue.OUTLIER, p)
        for row, p in zip(rows, found.p_values[order], strict=True)
    ]


def _regions(bench: Bench) -> list[Line]:
    data = bench.subject.dataset
    if data.task == Task.REGRESSION:
        raise NotAssessed("the map is of class labels; the target is a number")
    dynamics = _get(bench, TrainingDynamics())
    y = data.train.y[dynamics.rows]
    confidence, regions = dynamics.confidence(y), dynamics.regions(y)
    order = np.argsort(confidence, kind="stable")
    rows = dynamics.rows.numpy()
    return [
        _line(data, rows[k], Issue(name), confidence[k])
        for name in (Issue.HARD, Issue.AMBIGUOUS, Issue.EASY)
        for k in order[regions[name][order]]
    ]


def _values(bench: Bench) -> list[Line]:
    values = _get(bench, DataValues(bench.subject.effort.judged)).values
    order = values.argsort(stable=True).tolist()
    return [_line(bench.subject.dataset, k, Issue.VALUE, values[k]) for k in order]


# what is looked for, in the order in which it is listed
LOOKS: dict[str, Callable[[Bench], list[Line]]] = {
    "suspected labels": _wrong_labels,
    "duplicates": _duplicates,
    "near duplicates": _near_duplicates,
    "outliers": _outliers,
    "the map of easy and hard rows": _regions,
    "data values": _values,
}


def _line(
    data: Dataset,
    place: int,
    issue: Issue,
    score: float | np.floating | torch.Tensor,
    *,
    proposed: str = "",
    other: str = "",
) -> Line:
    """Say something of the training row at a place."""
    return Line(
        "train", int(data.train.ids[place]), issue, float(f"{float(score):.6g}"), proposed, other
    )
