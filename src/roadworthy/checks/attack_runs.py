"""What several attacks found on the same rows: shares, curve and how the attacks ended."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.adversarial_examples import AdversarialExamplesValue
from roadworthy.core.attack import Reason
from roadworthy.core.estimates import Measure, share_of_rows
from roadworthy.core.finding import Figure, Series, Table

POINTS = 41  # of the curve
NAMES = {
    "minimal": "nearest error",
    "pgd": "PGD",
    "double": "PGD, twice the budget",
    "fgsm": "one step (FGSM)",
    "square": "random search (Square)",
    "labels": "HopSkipJump",
    "transfer": "PGD on a copy",
    "static": "PGD that does not know of the guard",
}
ENDINGS = {
    Reason.ALREADY_WRONG: "already wrong",
    Reason.SUCCESS: "error found",
    Reason.BUDGET: "failed: steps used up",
    Reason.STALLED: "failed: stuck",
    Reason.MASKED_GRADIENT: "failed: no gradient",
}

Runs = dict[str, AdversarialExamplesValue]  # by a key of NAMES; the first rows of all are the same


def longest(runs: Runs) -> AdversarialExamplesValue:
    """Give the run over most rows."""
    return max(runs.values(), key=lambda run: len(run.rows))


def beaten(runs: Runs, eps: float) -> Tensor:
    """Say on which rows (R,) some attack found an error within the budget."""
    found = torch.zeros(len(longest(runs).rows), dtype=torch.bool)
    for run in runs.values():
        found[: len(run.rows)] |= run.beaten_within(eps)
    return found


def left(name: str, is_beaten: Tensor, together: np.ndarray | None) -> Measure:
    """Estimate the share of rows (R,) that are not beaten; the first of `together` are theirs."""
    people = None if together is None else together[: len(is_beaten)]
    return share_of_rows(name, (~is_beaten).numpy(), people)


def shares(runs: Runs, eps: float, together: np.ndarray | None) -> tuple[Measure, ...]:
    """Give the accuracy without attack and under each attack at the budget."""
    measures = [left("accuracy without attack", longest(runs).is_wrong, together)]
    for name, run in runs.items():
        if name != "double":
            under = f"robust accuracy by {NAMES[name]}"
            measures.append(left(under, run.beaten_within(eps), together))
    return tuple(measures)


def curve(runs: Runs, eps: float, x_label: str, together: np.ndarray | None) -> Figure:
    """Draw accuracy over budget from the run that looked for the nearest errors."""
    drawn = worst_curve(runs["minimal"].distance, eps, x_label, together, NAMES["minimal"])
    points = []
    for name, at in (("pgd", eps), ("double", 2 * eps)):
        run = runs[name]
        share = left(NAMES[name], run.success, together)
        points.append(_series(NAMES[name], np.array([at]), [share]))
    return replace(drawn, series=(*drawn.series, *points))


def worst_curve(
    distance: Tensor,
    eps: float,
    x_label: str,
    together: np.ndarray | None,
    name: str = "nearest error",
) -> Figure:
    """Draw accuracy over budget from the distances (R,) of the nearest errors that were found."""
    distances = distance.double().numpy()
    finite = distances[np.isfinite(distances)]
    end = max(2 * eps, float(np.quantile(finite, 0.95)) if len(finite) else 0.0)
    grid = np.linspace(0, end, POINTS)
    robust = [share_of_rows("robust", distances > at, together) for at in grid]
    below = grid[[share.value < 0.5 for share in robust]]
    where = f"it falls below 50% at {below[0]:.3g}" if len(below) else "it stays above 50%"
    return Figure(
        kind="line",
        title="Accuracy over the attacker's budget",
        text=f"Share of rows that stay right over the size of the change; {where}.",
        x_label=x_label,
        y_label="robust accuracy",
        y_range=(0.0, 1.0),
        series=(_series(name, grid, robust),),
        marks=((eps, "budget"),),
    )


def _series(name: str, x: np.ndarray, shares: list[Measure]) -> Series:
    return Series.of(name, tuple(x.tolist()), shares)


def endings(runs: Runs) -> Table:
    """Tabulate how the attacks ended: a failed attack is not a robust row."""
    columns = ("attack", "rows", *ENDINGS.values(), "forward passes", "backward passes")
    rows = tuple(
        (
            NAMES[name],
            len(run.rows),
            *(float((run.reason == reason).double().mean()) for reason in ENDINGS),
            float(run.forward.double().mean()),
            float(run.backward.double().mean()),
        )
        for name, run in runs.items()
    )
    return Table("How the attacks ended, as shares of rows, and mean passes per row", columns, rows)
