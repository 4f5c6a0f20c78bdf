"""What names, pronouns and spelling do to a model's answers about texts."""

from collections.abc import Iterable, Sequence

from roadworthy.artifacts.dialect import DIALECT_EDITS
from roadworthy.artifacts.given_names import NAME_EDITS, SAME_NAMES
from roadworthy.artifacts.nuisance_edits import EditedOutputs
from roadworthy.artifacts.pronouns import PRONOUN_EDITS
from roadworthy.artifacts.text_edits import RETYPED
from roadworthy.checks.edit_effects import (
    NEUTRAL,
    Edit,
    EditEffects,
    compared_rows,
    effects_table,
    judge_above_floor,
    unchanged,
)
from roadworthy.checks.edit_families import (
    MIN_ROWS,
    effects_by_family,
    group_tables,
    surest_effect,
)
from roadworthy.checks.examples import edited_texts_of, rows_of
from roadworthy.core.artifact import Get, Subject
from roadworthy.core.check import Check, not_assessed
from roadworthy.core.estimates import largest_of
from roadworthy.core.finding import Examples, Finding, Remedy

SHOWN = 12
NAMES, PRONOUNS, DIALECT = "given names", "pronouns", "spelling and dialect"
LOOKED_FOR = {
    NAMES: "a given name of the lists",
    PRONOUNS: "he or she in any form",
    DIALECT: "a word of the tables",
}
FLOORS = {NAMES: SAME_NAMES, PRONOUNS: RETYPED, DIALECT: RETYPED}
NEUTRALLY = {
    SAME_NAMES: "another name of the same gender and origin",
    RETYPED: "a space, a full stop or the case of the first letter",
}


def text_edits(subject: Subject) -> dict[str, tuple[Edit, ...]]:
    """Plan the edits of texts, by family."""
    return {
        NAMES: _edits(subject, NAMES, NAME_EDITS),
        PRONOUNS: _edits(subject, PRONOUNS, PRONOUN_EDITS),
        DIALECT: _edits(subject, DIALECT, DIALECT_EDITS),
    }


def _edits(subject: Subject, family: str, names: Iterable[str]) -> tuple[Edit, ...]:
    n = compared_rows(subject)
    neutral = tuple(EditedOutputs(FLOORS[family], n, copy=k) for k in range(NEUTRAL))
    return tuple(Edit(name, EditedOutputs(name, n), neutral) for name in names)


def judge_texts(check: Check, subject: Subject, get: Get) -> tuple[Finding, ...]:
    """Conclude one finding for each family of edits; edits of too few rows are left out."""
    rows = {
        edit.name: int(get(edit.request).is_edited.sum())
        for edits in text_edits(subject).values()
        for edit in edits
    }
    plan = {
        family: tuple(edit for edit in edits if rows[edit.name] >= MIN_ROWS)
        for family, edits in text_edits(subject).items()
    }
    found, p_values = effects_by_family(subject, get, plan, subject.seed_for(check))
    looked_at = len(get(unchanged(subject)).rows)
    return tuple(
        _judge_family(check, subject, family, each, p_values, looked_at)
        if each
        else not_assessed(
            check, _why_none(family, text_edits(subject)[family], rows, looked_at), family
        )
        for family, each in found.items()
    )


def _why_none(family: str, edits: Sequence[Edit], rows: dict[str, int], looked_at: int) -> str:
    most = max(rows[edit.name] for edit in edits)
    return (
        f"{most} of {looked_at} test rows hold {LOOKED_FOR[family]}, and at least {MIN_ROWS} are "
        "needed"
    )


def _judge_family(
    check: Check,
    subject: Subject,
    family: str,
    found: Sequence[EditEffects],
    p_values: dict[str, float],
    looked_at: int,
) -> Finding:
    top, estimate = largest_of(found, lambda effects: effects.above_floor)
    shown, neutral = top.measures, NEUTRALLY[FLOORS[family]]
    rows = f"{estimate.n} test rows ({looked_at - estimate.n} hold nothing to edit)"
    claim = f"None of {len(found)} edits moves the score farther than {neutral} does, over {rows}"
    if estimate.low > 0:
        claim = surest_effect(found, top, neutral, rows)
    return judge_above_floor(
        check,
        f"{claim}.",
        estimate,
        shown[2],
        neutral,
        scope=family,
        measures=shown,
        tables=(
            effects_table(f"Effects of {family}", found, [p_values[e.name] for e in found]),
            *group_tables(subject, family, found),
        ),
        examples=_examples(subject, top),
        remedies=(
            Remedy(
                "Train with such edits: each text also with names, pronouns or words exchanged."
            ),
            Remedy("Put a mark in the place of names and pronouns before the model sees a text."),
        ),
    )


def _examples(subject: Subject, top: EditEffects) -> tuple[Examples, ...]:
    order = top.farthest(SHOWN)
    order = order[top.change[order] != 0]
    if not len(order):
        return ()
    data, rows = subject.dataset, top.rows[order.copy()]
    edited, _ = EditedOutputs(top.name, compared_rows(subject)).edited(subject, rows)
    title = f"rows that {top.name!r} moves farthest"
    return (
        Examples(
            title,
            rows_of(data.test, rows.numpy()),
            details=top.in_words(order),
            table=edited_texts_of(data.test, rows, edited, title),
            total=int((top.change != 0).sum()),
        ),
    )
