"""What light, background and glasses do to a model's answers about pictures."""

from collections.abc import Iterable, Sequence

from roadworthy.artifacts.nuisance_edits import RETAKE, EditedOutputs
from roadworthy.artifacts.photo_edits import COLOR_EDITS, LEAST_SIDE, PHOTO_EDITS
from roadworthy.artifacts.scene_edits import BACKGROUND_EDITS, WORN_EDITS
from roadworthy.checks.edit_effects import (
    NEUTRAL,
    Edit,
    EditEffects,
    effects_table,
    judge_above_floor,
)
from roadworthy.checks.edit_families import (
    effects_by_family,
    group_tables,
    surest_effect,
)
from roadworthy.checks.examples import pairs_of, rows_of
from roadworthy.checks.repairs import by_training
from roadworthy.core.artifact import Get, Subject
from roadworthy.core.check import Check, not_assessed
from roadworthy.core.estimates import largest_of
from roadworthy.core.finding import Examples, Finding, Remedy

SHOWN = 12
LIGHT, BACKGROUND, WORN = "light and camera", "background", "glasses and headscarf"
REASONS = {
    BACKGROUND: f"pictures of fewer than {LEAST_SIDE} pixels a side have no room for a background",
    WORN: "no face is located: pass --face LEFT,TOP,RIGHT,BOTTOM",
}
NOT_LOCATED = "The background is not located: only the border and a corner were changed."


def picture_edits(subject: Subject) -> dict[str, tuple[Edit, ...]]:
    """Plan the edits that suit a dataset's pictures, by family."""
    data = subject.dataset
    colors = COLOR_EDITS if data.test.x.shape[1] == 3 else {}
    return {
        LIGHT: _edits(subject, (*PHOTO_EDITS, *colors)),
        BACKGROUND: _edits(subject, BACKGROUND_EDITS if _has_room(subject) else ()),
        WORN: _edits(subject, WORN_EDITS if data.roles.face else ()),
    }


def _has_room(subject: Subject) -> bool:
    """Say that things can be put into a picture without covering what it shows."""
    data = subject.dataset
    return bool(data.roles.face) or min(data.test.x.shape[2:]) >= LEAST_SIDE


def _edits(subject: Subject, names: Iterable[str]) -> tuple[Edit, ...]:
    n = subject.effort.attacked
    retakes = tuple(EditedOutputs(RETAKE, n, copy=k) for k in range(NEUTRAL))
    return tuple(Edit(name, EditedOutputs(name, n), retakes) for name in names)


def judge_pictures(check: Check, subject: Subject, get: Get) -> tuple[Finding, ...]:
    """Conclude one finding for each family of edits."""
    plan, seed = picture_edits(subject), subject.seed_for(check)
    found, p_values = effects_by_family(subject, get, plan, seed)
    return tuple(
        _judge_family(check, subject, family, each, p_values)
        if each
        else not_assessed(check, REASONS[family], family)
        for family, each in found.items()
    )


def _judge_family(
    check: Check,
    subject: Subject,
    family: str,
    found: Sequence[EditEffects],
    p_values: dict[str, float],
) -> Finding:
    top, estimate = largest_of(found, lambda effects: effects.above_floor)
    shown = top.measures
    claim = f"None of {len(found)} edits moves the score farther than taking the picture again does"
    if estimate.low > 0:
        rows = f"{estimate.n} test rows"
        claim = surest_effect(found, top, "taking the picture again", rows)
    is_blind = family == BACKGROUND and not subject.dataset.roles.face
    return judge_above_floor(
        check,
        f"{claim}.{f' {NOT_LOCATED}' if is_blind else ''}",
        estimate,
        shown[2],
        "taking the same picture again",
        scope=family,
        measures=shown,
        tables=(
            effects_table(f"Effects of {family}", found, [p_values[e.name] for e in found]),
            *group_tables(subject, family, found),
        ),
        examples=_examples(subject, top),
        remedies=_remedies(subject, family),
    )


def _examples(subject: Subject, top: EditEffects) -> tuple[Examples, ...]:
    order = top.farthest(SHOWN)
    data, rows = subject.dataset, top.rows[order.copy()]
    edited, _ = EditedOutputs(top.name, subject.effort.attacked).edited(subject, rows)
    return (
        Examples(
            f"rows that {top.name!r} moves farthest",
            rows_of(data.test, rows.numpy()),
            details=top.in_words(order),
            pictures=pairs_of(data, data.test, rows, edited, ("original", top.name)),
            total=len(top.rows),
        ),
    )


def _remedies(subject: Subject, family: str) -> tuple[Remedy, ...]:
    text = "Train with such edits (augmentation)."
    is_of_classes = bool(subject.dataset.classes)
    augmentation = by_training(subject, text, "augmix") if is_of_classes else Remedy(text)
    if family == LIGHT:
        return (augmentation,)
    cut = "Cut the person out, or train with the background, and what people wear, exchanged."
    return (Remedy(cut), augmentation)
