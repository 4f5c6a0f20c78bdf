from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from roadworthy.core.artifact import Bench, Store
from roadworthy.core.comparison import Comparison
from roadworthy.core.dataset import Dataset
from roadworthy.core.effort import Effort
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Guarding, protect
from roadworthy.core.model import Model
from roadworthy.core.policy import Policy
from roadworthy.core.progress import Progress, Silent, piece
from roadworthy.core.report import Report
from roadworthy.training.strategy import Strategy
from roadworthy.training.trained import Trained, defended
from roadworthy.workflows.inspection import make_subject, run_inspection

Defense = Strategy | Guard
# what a repaired model can change; the data stay the same
AREAS = ("performance", "robustness", "bias", "resources")


@dataclass(frozen=True, eq=False)
class Repaired(Comparison):
    """What a repair came to: inspections before and after with the same seed and policy.

    Args:
        before: inspection of the model as it was.
        after: inspection of the repaired model.
        model: the repaired model.
    """

    model: Model

    unchanged: ClassVar[str] = "Nothing changed beyond chance: this is no repair."


def apply_defenses(
    model: Model,
    data: Dataset,
    defenses: Sequence[Defense],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Model:
    """Train a model anew with strategies, and wrap it in guards.

    Args:
        model: stays as it is.
        data: its training split is learned from.
        defenses: strategies change the training together; guards wrap the result in this order,
            outside of those that the model has.
        seed: of every random number.
        progress: where to say how far the work is.

    Raises:
        InputError: a strategy cannot change this model's training, or a defense does not suit the
            data.
    """
    told = progress or Silent()
    strategies = tuple(each for each in defenses if isinstance(each, Strategy))
    guards = [each for each in defenses if isinstance(each, Guard)]
    if strategies:
        while isinstance(model, Guarding):
            guards.insert(0, model.guard)
            model = model.inner
        if not isinstance(model, Trained):
            names = ", ".join(strategy.card.name for strategy in strategies)
            raise InputError(
                f"{names} changes how a network is trained, and {model.spec.name} was trained "
                "elsewhere: repair a baseline or a bundle (roadworthy list models), or choose a "
                "guard (roadworthy list guards)"
            )
        recipe = defended(model.recipe, strategies)
        with piece(told, f"Training {recipe.card.name}", 0.0):
            model = recipe.fit(data, data.train, seed, told)
    for guard in guards:
        model = protect(model, guard, data, seed=seed, progress=told)
    return model


def repair(
    model: Model,
    data: Dataset,
    defenses: Sequence[Defense],
    *,
    policy: Policy | None = None,
    budget: str | Effort = "standard",
    seed: int = 0,
    device: str = "auto",
    store: str | Path | None = None,
    fresh: bool = False,
    include_rows: bool = False,
    arguments: str = "MODEL DATA",
    progress: Progress | None = None,
) -> Repaired:
    """Apply defenses, and inspect before and after with the same seed.

    Args:
        model: what is to be repaired; it stays as it is.
        data: to train on, to fit guards on, and to judge by.
        defenses: strategies and guards, such as `rw.strategies.TRADES()`.
        policy: which checks and thresholds to judge by; by default those that a repaired model can
            change.
        budget: `quick`, `standard`, `thorough` or a number of seconds as text.
        seed: the root of every random number.
        device: `auto`, `cpu` or `cuda`.
        store: folder where finished artifacts are kept; none are kept without.
        fresh: ignore what it holds.
        include_rows: let rows of the data into the reports.
        arguments: model and data as words of a shell command, for the reports.
        progress: where to say how far the work is.

    Raises:
        InputError: no defense is given, or one of them does not suit the model or the data.
    """
    if not defenses:
        raise InputError("name at least one defense (roadworthy list defenses)")
    effort = budget if isinstance(budget, Effort) else Effort.parse(budget)
    judged_by = policy or Policy(only=AREAS)
    kept = Store(None if store is None else Path(store), fresh)

    def inspected(subject_model: Model) -> Report:
        subject = make_subject(
            subject_model, data, seed=seed, effort=effort, device=device, arguments=arguments
        )
        bench = Bench(subject, kept, progress)
        return run_inspection(bench, judged_by, include_rows=include_rows, progress=progress)

    repaired = apply_defenses(model, data, defenses, seed=seed, progress=progress)
    return Repaired(inspected(model), inspected(repaired), repaired)
