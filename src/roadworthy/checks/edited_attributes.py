"""What a sensitive attribute does to a model's answers about rows of a table."""

import numpy as np

from roadworthy.artifacts.attribute_edits import Groups, moving_along
from roadworthy.artifacts.nuisance_edits import (
    OTHER,
    OTHER_ALONG,
    SAME,
    SAME_ALONG,
    EditedOutputs,
    column_of,
)
from roadworthy.checks.edit_effects import (
    NEUTRAL,
    Edit,
    EditEffects,
    effects_of,
    effects_table,
    judge_above_floor,
)
from roadworthy.checks.examples import rows_of
from roadworthy.checks.repairs import by_training
from roadworthy.core.artifact import Get, Subject
from roadworthy.core.check import Check, not_assessed
from roadworthy.core.estimates import Measure, largest_of, without_sign
from roadworthy.core.finding import Examples, Finding, Remedy, Table

MIN_ROWS = 20  # of a group
SHOWN = 12
ALONE, ALONG = "alone", "with what moves along"


def attribute_edits(subject: Subject, attribute: str) -> dict[str, Edit]:
    """Plan the exchange of a sensitive attribute: alone where the model sees it, and along.

    Nothing where fewer than two groups have training rows to take it from.
    """
    data = subject.dataset
    groups = Groups.of(data, attribute)
    sizes = np.bincount(groups.train[groups.train >= 0].numpy(), minlength=1)
    if (sizes >= MIN_ROWS).sum() < 2:
        return {}
    edits = {ALONG: _edit(subject, attribute, ALONG, OTHER_ALONG, SAME_ALONG)}
    if column_of(data, attribute) is not None:
        edits = {ALONE: _edit(subject, attribute, ALONE, OTHER, SAME)} | edits
    return edits


def _edit(subject: Subject, attribute: str, how: str, other: str, same: str) -> Edit:
    n = subject.effort.attacked
    within = tuple(EditedOutputs(same, n, attribute, copy=k) for k in range(NEUTRAL))
    return Edit(f"{attribute} {how}", EditedOutputs(other, n, attribute), within)


def judge_attribute(
    check: Check, subject: Subject, get: Get, attribute: str
) -> tuple[Finding, ...]:
    """Conclude how far an attribute moves the score, alone and with what moves along."""
    edits, seed = attribute_edits(subject, attribute), subject.seed_for(check)
    if not edits:
        reason = f"fewer than two groups of {attribute} have {MIN_ROWS} training rows"
        return (not_assessed(check, reason, attribute),)
    comparisons = sum(ALONE in attribute_edits(subject, a) for a in subject.dataset.roles.sensitive)
    findings = []
    for how, edit in edits.items():
        effects = effects_of(subject, get, edit, comparisons=max(1, comparisons), seed=seed)
        judge = _judge_alone if how == ALONE else _judge_along
        findings.append(judge(check, subject, attribute, effects))
    return tuple(findings)


def _judge_alone(check: Check, subject: Subject, attribute: str, effects: EditEffects) -> Finding:
    estimate, shown = effects.above_floor, effects.measures
    claim = f"The score does not move with {attribute} farther than within its groups"
    if estimate.low > 0:
        claim = (
            f"With {attribute} alone taken from another group, the score moves by "
            f"{shown[1].value:.2f} of its deviations on average over {estimate.n} test rows, where "
            f"an exchange within the group moves it by {shown[2].value:.2f}"
        )
        claim += "" if effects.flipped is None else f"; {shown[3].value:.1%} of the answers flip"
    text = f"Leave {attribute} out of the features where nothing justifies its use."
    return judge_above_floor(
        check,
        f"{claim}.",
        estimate,
        shown[2],
        f"exchanging {attribute} within its groups",
        scope=effects.name,
        measures=shown,
        tables=(
            effects_table(f"Effect of {attribute}", [effects], [effects.p_value]),
            _table(f"{attribute} alone", _by_group(subject, attribute, effects)),
        ),
        examples=_examples(subject, effects),
        remedies=(Remedy(text), *_reweighing(subject)),
    )


def _judge_along(check: Check, subject: Subject, attribute: str, effects: EditEffects) -> Finding:
    by_group = _by_group(subject, attribute, effects)
    if not by_group:
        reason = f"no group of {attribute} has {MIN_ROWS} test rows"
        return not_assessed(check, reason, effects.name)
    group, estimate = largest_of(list(by_group), lambda name: without_sign(by_group[name]))
    data, groups = subject.dataset, Groups.of(subject.dataset, attribute)
    names = [f.name for f, m in zip(data.features, moving_along(data, groups), strict=True) if m]
    moving = ", ".join(name for name in names if name != attribute) or "nothing"
    claim = f"With {attribute} and what moves along ({moving}), no group's score moves surely"
    if estimate.low > 0:
        claim = (
            f"If rows of {group} have {attribute} and what moves along ({moving}) of another "
            f"group, their score moves by {by_group[group].value:+.2f} deviations on average"
        )
    text = f"Look at what moves along with {attribute}: does it rightly count, or stand for it?"
    return check.finding(
        f"{claim}.",
        scope=effects.name,
        estimate=estimate,
        threshold=check.threshold("max_along"),
        measures=tuple(by_group.values()),
        tables=(_table(effects.name, by_group),),
        remedies=(Remedy(text), *_reweighing(subject)),
    )


def _by_group(subject: Subject, attribute: str, effects: EditEffects) -> dict[str, Measure]:
    """Estimate the mean change by group, less that of an exchange within the group."""
    groups = Groups.of(subject.dataset, attribute)
    own = groups.test[effects.rows].numpy()
    sizes = np.bincount(own, minlength=len(groups.names))
    large = {name: k for k, name in enumerate(groups.names) if sizes[k] >= MIN_ROWS}
    means = {}
    for name, k in large.items():
        part = effects.take(own == k)
        signed = part.change - part.neutral.mean(1)
        means[name] = part.mean(f"{effects.name}: mean change of {name}", signed, len(large))
    return means


def _table(title: str, by_group: dict[str, Measure]) -> Table:
    lines = tuple((name, m.n, m.value, m.low, m.high) for name, m in by_group.items())
    columns = ("from group", "rows", "mean change", "low", "high")
    return Table(f"Mean change by group: {title}", columns, lines)


def _examples(subject: Subject, effects: EditEffects) -> tuple[Examples, ...]:
    order = effects.farthest(SHOWN)
    order = order[effects.change[order] != 0]
    if not len(order):
        return ()
    rows = effects.rows.numpy()[order]
    title = f"rows that {effects.name} moves farthest"
    total, named = int((effects.change != 0).sum()), rows_of(subject.dataset.test, rows)
    return (Examples(title, named, effects.in_words(order), total=total),)


def _reweighing(subject: Subject) -> tuple[Remedy, ...]:
    if not subject.dataset.classes:  # groups and classes are what it weighs by
        return ()
    text = "Weigh rows so that group and class are independent in training."
    return (by_training(subject, text, "reweighing"),)
