"""Signs that an attack failed rather than that a model is robust.

After the checklist of Carlini et al. 2019, arXiv:1902.06705, section 5, and the signs of
obfuscated gradients in Athalye et al. 2018, arXiv:1802.00420, section 3.1.
"""

from torch import Tensor

from roadworthy.artifacts.adversarial_examples import AdversarialExamplesValue
from roadworthy.core.adaptive import DRAWS
from roadworthy.core.attack import Reason
from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Alarm, Threshold, Verdict, compare
from roadworthy.core.model import Model

FEW = 0.02  # a share of the attacked rows that says nothing of the rest
SURE = 0.01  # p-value below which one attack beats another beyond chance


def judged(
    estimate: Measure, threshold: Threshold, alarms: tuple[Alarm, ...]
) -> tuple[Verdict, str]:
    """Judge an estimate, but never pass it where an alarm says that the attacks failed.

    Returns:
        The verdict, and the reason where an alarm changed it.
    """
    verdict = compare(estimate, threshold)
    if alarms and verdict == Verdict.PASS:
        return Verdict.WARN, "an alarm says that the attacks may have failed: this is no pass"
    return verdict, ""


def declared(model: Model) -> tuple[Alarm, ...]:
    """Look at what the model says of itself, and whether the attacks could go around it."""
    spec, alarms = model.spec, []
    if spec.obstacles and model.without_obstacles() is None:
        alarms.append(
            Alarm(
                "declared-obstacles",
                f"The model has steps without a useful derivative ({', '.join(spec.obstacles)}), "
                "and does not say what stands in for them: an attacker who finds out goes around "
                "them, these attacks did not.",
            )
        )
    if spec.stochastic:
        alarms.append(
            Alarm(
                "stochastic-model",
                f"The model answers one input differently from call to call; these attacks "
                f"averaged over {DRAWS} calls, an attacker may average over more.",
            )
        )
    return tuple(alarms)


def zero_gradients(*runs: AdversarialExamplesValue) -> tuple[Alarm, ...]:
    """Look for rows on which most steps had no gradient to follow."""
    share = max(_share(run.zero_gradient > 0.5, ~run.is_wrong) for run in runs)
    if share <= FEW:
        return ()
    text = (
        f"On {share:.1%} of the attacked rows the gradient was exactly zero at most steps: these "
        "attacks were blind there."
    )
    return (Alarm("zero-gradients", text),)


def one_step_beats_many(
    one: AdversarialExamplesValue, many: AdversarialExamplesValue
) -> tuple[Alarm, ...]:
    """Look for errors that a single step finds and an iterative attack does not."""
    if not _is_stronger(one.success, many.success[: len(one.rows)]):
        return ()
    text = "A single gradient step finds more errors than many steps do: the gradients mislead."
    return (Alarm("one-step-beats-iterative", text),)


def larger_budget_is_no_stronger(
    smaller: AdversarialExamplesValue, larger: AdversarialExamplesValue
) -> tuple[Alarm, ...]:
    """Look for errors that vanish when the attacker may do more."""
    if not _is_stronger(smaller.success[: len(larger.rows)], larger.success):
        return ()
    text = "Twice the budget finds fewer errors than the budget itself: the attack lost its way."
    return (Alarm("larger-budget-not-stronger", text),)


def unbounded_attack_fails(minimal: AdversarialExamplesValue, is_image: bool) -> tuple[Alarm, ...]:
    """Look for rows on which not even a perturbation of any size leads to an error.

    Some image of another class lies in the box, so there an attack can always succeed. A table's
    box and its fixed features can make a row safe: where the attack ended in a corner of the box
    with a gradient that points outwards, that is what it saw.
    """
    failed = ~minimal.success
    if not is_image:
        failed = failed & (minimal.reason != Reason.STALLED)
    share = _share(failed, ~minimal.is_wrong)
    if share <= FEW:
        return ()
    text = (
        f"On {share:.1%} of the attacked rows even an attack without any budget finds no error: "
        "it failed, whatever the model."
    )
    return (Alarm("unbounded-attack-fails", text),)


def black_box_beats_white_box(black: AdversarialExamplesValue, white: Tensor) -> tuple[Alarm, ...]:
    """Look for errors that a search without gradients finds where gradients found none.

    Args:
        black: what the search found.
        white: (R,) bool: rows on which gradients found an error; those of `black` come first.
    """
    share = _share(black.success & ~white[: len(black.rows)], ~black.is_wrong)
    if share <= FEW:
        return ()
    text = (
        f"A random search without gradients finds errors on {share:.1%} of the attacked rows where "
        "the attacks with gradients found none: the gradients mislead."
    )
    return (Alarm("black-box-beats-white-box", text),)


def loss_does_not_rise(run: AdversarialExamplesValue) -> tuple[Alarm, ...]:
    """Look for failed rows on which no candidate was nearer to an error than the row itself."""
    failed = ~run.success
    share = _share(failed & (run.margin <= run.clean_margin), ~run.is_wrong)
    if share <= FEW:
        return ()
    text = (
        f"On {share:.1%} of the attacked rows no step brought the model nearer to an error than it "
        "was at the start: the gradients lead nowhere."
    )
    return (Alarm("loss-does-not-rise", text),)


def transfer_beats_white_box(
    transferred: AdversarialExamplesValue, white: Tensor
) -> tuple[Alarm, ...]:
    """Look for errors that were made on another model where the model's own gradients found none.

    Args:
        transferred: what was made on the other model.
        white: (R,) bool: rows on which gradients found an error; those of `transferred` come first.
    """
    beyond = transferred.success & ~white[: len(transferred.rows)]
    share = _share(beyond, ~transferred.is_wrong)
    if share <= FEW:
        return ()
    text = (
        f"Inputs made on a copy that was trained to answer alike are errors on {share:.1%} of the "
        "attacked rows where the model's own gradients found none: the gradients mislead."
    )
    return (Alarm("transfer-beats-white-box", text),)


def _share(hit: Tensor, among: Tensor) -> float:
    return float((hit & among).sum() / among.sum().clamp_min(1))


def _is_stronger(first: Tensor, second: Tensor) -> bool:
    """Say whether the first attack finds more than the second, by the sign test of their rows."""
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    if only_first <= only_second:
        return False
    from scipy import stats  # slow to import, and seldom needed

    test = stats.binomtest(only_first, only_first + only_second, 0.5, alternative="greater")
    return bool(test.pvalue < SURE)
