import dataclasses

import pytest
import torch

import roadworthy as rw
from roadworthy.core.comparison import Effect, effect_on
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import proportion
from roadworthy.core.finding import Alarm, Finding, Threshold, Verdict, compare
from roadworthy.core.policy import Policy
from roadworthy.core.progress import Silent
from roadworthy.guards import JPEG
from roadworthy.recipes import CNN, RandomForest
from roadworthy.strategies import TRADES, AdversarialTraining, LabelSmoothing
from roadworthy.workflows.repair import apply_defenses, repair


def finding(right, n=100, good="above", alarms=()):
    estimate, threshold = proportion("share", right, n), Threshold("limit", 0.5, good, "test")
    verdict = compare(estimate, threshold)
    return Finding(
        "RW-ROB-001", "linf", "robustness", "c", "C", verdict, "It is.", "", estimate, threshold,
        alarms=alarms,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (finding(50), finding(60), Effect.UNCLEAR),  # the intervals overlap
        (finding(45), finding(62), Effect.UNCLEAR),  # although the verdict changes
        (finding(20), finding(80), Effect.BETTER),
        (finding(80), finding(20), Effect.WORSE),
        (finding(80, good="below"), finding(20, good="below"), Effect.BETTER),
        (finding(20), finding(80, alarms=(Alarm("blind", "."),)), Effect.UNTRUSTED),
        (finding(80), finding(20, alarms=(Alarm("blind", "."),)), Effect.WORSE),
    ],
)
def test_better_is_only_what_no_interval_denies(before, after, expected):
    assert effect_on(before, after) is expected


def test_what_could_not_be_judged_is_not_better():
    unjudged = dataclasses.replace(finding(80), verdict=Verdict.NOT_ASSESSED, estimate=None)
    assert effect_on(finding(20), unjudged) is Effect.UNJUDGED
    assert effect_on(unjudged, finding(80)) is Effect.UNJUDGED


@pytest.fixture(scope="module")
def digits():
    data = rw.load_dataset("digits")
    return data, CNN(epochs=4).fit(data, data.train, 0, Silent())


def test_adversarial_training_is_better_under_attack_and_the_report_says_so(digits, tmp_path):
    data, model = digits
    only = Policy(only=("robust-accuracy", "accuracy"))
    repaired = repair(
        model, data, [AdversarialTraining(eps=0.1)], policy=only, budget="quick", store=tmp_path
    )
    effects = {change.after.key: change.effect for change in repaired.changes}
    assert effects["RW-ROB-001:l2"] is Effect.BETTER
    assert effects["RW-PERF-001"] is not Effect.WORSE
    assert "better" in repaired.sentence.lower()
    assert repaired.before.inspected.model_hash == model.spec.fingerprint
    assert repaired.after.judged.seed == repaired.before.judged.seed


def test_a_guard_is_attacked_by_somebody_who_knows_of_it(digits):
    data, model = digits
    only = Policy(only=("robust-accuracy",))
    repaired = repair(model, data, [JPEG(30)], policy=only, budget="quick")
    found = {change.after.scope: change.after for change in repaired.changes}
    for norm in ("linf", "l2"):
        named = {measure.name: measure for measure in found[norm].measures}
        static = named["robust accuracy by PGD that does not know of the guard"]
        assert static.value >= found[norm].estimate.value
        assert "does not know of the model's guard" in found[norm].claim


def test_guards_stay_outside_when_the_network_is_trained_anew(digits):
    data, model = digits
    guarded = apply_defenses(model, data, [JPEG()])
    again = apply_defenses(guarded, data, [LabelSmoothing()])
    assert again.guard == JPEG()
    assert again.inner.recipe.strategies == (LabelSmoothing(),)
    assert again.undefended() is again.inner
    assert torch.equal(model(data.test.x[:4]), guarded.inner(data.test.x[:4]))


def test_a_strategy_for_what_no_network_recipe_trained_is_refused(digits):
    data, _ = digits
    forest = RandomForest(trees=3).fit(data, data.train, 0, Silent())
    with pytest.raises(InputError, match="random-forest trains none"):
        apply_defenses(forest, data, [TRADES()])
    own = rw.wrap_model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), data)
    with pytest.raises(InputError, match="trained elsewhere"):
        apply_defenses(own, data, [TRADES()])
    with pytest.raises(InputError, match="at least one defense"):
        repair(own, data, [])
