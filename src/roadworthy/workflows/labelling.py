import numpy as np
import torch

from roadworthy.checks.examples import MOST_SHOWN, pictures_of
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.labelling import Item
from roadworthy.core.model import Model, Offer, require
from roadworthy.core.query import Query, pool_of
from roadworthy.workflows.training import MEMBERS


def next_items(
    data: Dataset, query: Query, n: int, *, model: Model | None = None, seed: int = 0
) -> list[Item]:
    """Choose which unlabelled rows a person should label next, best first.

    Args:
        data: with an unlabelled split.
        query: chooses.
        n: how many.
        model: scores and embeds the rows; without one, queries see the inputs as they are.
        seed: of what the query draws.

    Raises:
        InputError: there are no such rows, or fewer; or the query needs what is not there.
    """
    pool = data.unlabelled
    if pool is None:
        raise InputError(
            f"{data.name} has no row without a target: leave the target of such rows empty, put "
            "images into a folder 'unlabelled', or name them with --unlabelled"
        )
    if not 1 <= n <= min(len(pool), MOST_SHOWN):
        raise InputError(
            f"--batch takes 1 to {min(len(pool), MOST_SHOWN)} rows, not {n}: there are {len(pool)} "
            f"without a target, and at most {MOST_SHOWN} are asked for at a time"
        )
    known = data.train.take(data.train.is_labelled)
    members = []
    if model is not None and "members" in query.needs:
        require(model, Offer.REFIT)
        members = [model, *(model.refit(known, seed + k) for k in range(1, MEMBERS))]
    picked = query.pick(pool_of(data, pool.x, known, model, members), n, seed)
    return items_of(data, pool.take(picked), model)


@torch.no_grad()
def items_of(data: Dataset, rows: Split, model: Model | None) -> list[Item]:
    """Show rows as a person sees them, with what a model takes them for."""
    places = np.arange(len(rows))
    pictures = pictures_of(data, rows, places, [f"row {row}" for row in rows.ids.tolist()])
    guesses = [""] * len(rows)
    if model is not None:
        outputs = model(rows.x)
        if data.task == Task.REGRESSION:
            guesses = [f"{value:.4g}" for value in outputs.tolist()]
        else:
            guesses = [data.classes[k] for k in outputs.argmax(1).tolist()]
    return [
        Item(
            row=int(rows.ids[k]),
            guess=guesses[k],
            picture=pictures[k] if pictures else None,
            values=_values(data, rows.x[k]),
        )
        for k in range(len(rows))
    ]


def _values(data: Dataset, x: torch.Tensor) -> tuple[tuple[str, str], ...]:
    """Name the values of a table's row (D,)."""
    return tuple(
        (f.name, f.categories[int(value)] if f.categories else f"{value:.6g}")
        for f, value in zip(data.features, x.tolist(), strict=False)
    )
