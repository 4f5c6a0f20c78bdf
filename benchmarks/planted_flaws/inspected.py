"""What Roadworthy finds in a case, with a linear model that was trained as the case says."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

import roadworthy as rw
from roadworthy.checks import CHECKS
from roadworthy.core.finding import Finding
from roadworthy.sources import load_model

from .case import Case

# what they find is a trait of the model (a linear one of many pixels recites its rows), not a flaw
NOT_JUDGED = ("robustness", "privacy", "resources")


@dataclass(frozen=True)
class Inspected:
    """The findings of one inspection and the seconds of processor time that it took."""

    findings: tuple[Finding, ...]
    seconds: float

    def verdict(self, names: Iterable[str]) -> str:
        """Give the worst verdict of findings, named by `names_of`: `fail`, `warn` or another."""
        found = {
            str(finding.verdict)
            for finding in self.findings
            if not names_of(finding).isdisjoint(names)
        }
        ranked = ("fail", "warn", "error", "not_assessed", "pass")
        return next((verdict for verdict in ranked if verdict in found), "absent")


def names_of(finding: Finding) -> set[str]:
    """Name a finding by its check, and by its check and scope."""
    return {finding.check, f"{finding.check}: {finding.scope}"}


def inspect_case(case: Case, checks: tuple[str, ...] = (), seed: int = 0) -> Inspected:
    """Inspect a case by some checks, by default by all that judge the data and how it was used."""
    data = dataset_of(case)
    model = fitted(case, data)
    known = tuple(name for name in checks if name in CHECKS)
    policy = rw.Policy(only=known, skip=() if known else NOT_JUDGED)
    started = time.process_time()
    report = rw.inspect(model, data, policy=policy, budget="quick", seed=seed, device="cpu")
    return Inspected(report.findings, time.process_time() - started)


def dataset_of(case: Case) -> rw.Dataset:
    """Make a dataset of a case, as a person would who has it in memory."""
    rows = [np.flatnonzero(case.part == name) for name in ("train", "test", "production")]
    parts = [(_inputs(case.x[each]), case.y[each]) for each in rows]
    order = np.concatenate(rows)
    roles = dict(case.roles)
    sensitive = roles.pop("sensitive", None)
    return rw.make_dataset(
        *parts[0],
        test=parts[1],
        production=parts[2] if len(rows[2]) else None,
        columns={name: values[order] for name, values in case.columns.items()},
        sensitive=() if sensitive is None else (sensitive,),
        **roles,
    )


def _inputs(x):
    if not is_numbers(x):
        return x
    import polars as pl

    frame = pl.DataFrame({f"column {j}": column for j, column in enumerate(x.T)})
    return frame.with_columns(pl.all().fill_nan(None))


def is_numbers(x) -> bool:
    """Say whether inputs are columns of numbers: neither images nor a table with words."""
    return isinstance(x, np.ndarray) and x.ndim == 2


def fitted(case: Case, data: rw.Dataset):
    """Fit a linear model of the training rows, its steps on the rows that the case says."""
    if not is_numbers(case.x):
        return load_model("logistic-regression", data)
    from sklearn.feature_selection import SelectKBest
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    steps = [StandardScaler(), *([SelectKBest(k=case.keep)] if case.keep else [])]
    estimator = Ridge() if case.is_number else LogisticRegression()
    x, y = data.train.x.numpy(), data.train.y.numpy()
    if case.is_seen is None:
        return make_pipeline(*steps, estimator).fit(x, y)
    seen_x, seen_y = case.x[case.is_seen], case.y[case.is_seen]
    for step in steps:
        seen_x, x = step.fit(seen_x, seen_y).transform(seen_x), step.transform(x)
    return make_pipeline(*steps, estimator.fit(x, y))
