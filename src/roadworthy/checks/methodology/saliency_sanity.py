from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.saliency import Saliency, SaliencyValue
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset
from roadworthy.core.estimates import Measure, bootstrap, mean
from roadworthy.core.finding import Alarm, Finding, Remedy, Table
from roadworthy.core.model import Offer, require

SALIENCY = Saliency()
SHOWN = 12
MISSED = 0.1  # of an output, from which on its parts do not add up
LOOKS_ALIKE = 0.5


@dataclass(frozen=True)
class SaliencySanity(Check):
    """Do explanations of the model depend on what it learned?

    What it does: explains answers on test rows by integrated gradients, then scrambles the weights
    and explains the same answers again. Judges the rank correlation of both: an explanation that
    stays when all that was learned is gone explains something else, such as the input itself. Says
    too whether attributions sum to the output, as they must.
    Why it matters: saliency maps look plausible whether or not they follow the model; people then
    trust what they see.
    When it does not apply: the model offers no gradients, or its weights are out of reach. Passing
    is needed, not enough: it does not make an explanation true.
    How to fix: explain by what a change of the input does to the answer; show signs, not strengths.
    References: Adebayo et al. 2018, arXiv:1810.03292; Sundararajan et al. 2017, arXiv:1703.01365.

    Args:
        max_alike: largest rank correlation with explanations of scrambled models.
    """

    max_alike: float = limit(
        0.5, "below", "from there on the order of the input's parts is more kept than lost"
    )

    card = Card("saliency-sanity", "Explanations that follow the model", paper="arxiv:1810.03292")
    code = "RW-METH-004"
    area = "methodology"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        require(subject.model, Offer.GRADIENTS)
        return (SALIENCY,)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        found, seed = get(SALIENCY), subject.seed_for(self)
        alike = _mean("correlation with scrambled models", found.alike.numpy(), seed)
        strength = _mean(
            "correlation of strengths, without signs", found.alike_in_strength.numpy(), seed
        )
        missed = _missed(found, seed)
        kept = "lost" if alike.value < self.max_alike else "kept"
        return (
            self.finding(
                f"With scrambled weights the order of what integrated gradients name is {kept}: "
                f"its correlation with the model's own is {alike.value:.2f} "
                f"[{alike.low:.2f}, {alike.high:.2f}].",
                estimate=alike,
                threshold=self.threshold("max_alike"),
                measures=(strength, missed),
                tables=_table(subject.dataset, found),
                alarms=_alarms(strength, missed),
                remedies=(
                    Remedy(
                        "Explain by what changes of the input do to the answer: see "
                        "what the model relies on (RW-METH-001)."
                    ),
                ),
            ),
        )


def _mean(name: str, correlations: np.ndarray, seed: int) -> Measure:
    """Average over rows and scrambled models (S, R), of which the models are drawn anew."""
    values = correlations.flatten()
    models = np.repeat(np.arange(len(correlations)), correlations.shape[1])
    return mean(name, values, seed=seed, clusters=models)


def _missed(found: SaliencyValue, seed: int) -> Measure:
    missed = found.missed.double().abs().numpy()
    whole = found.difference.double().abs().numpy()
    return bootstrap(
        "share of the output that attributions miss",
        lambda rows: float(missed[rows].sum() / whole[rows].sum()),
        len(whole),
        seed=seed,
        unit="share",
    )


def _alarms(strength: Measure, missed: Measure) -> tuple[Alarm, ...]:
    alarms = []
    if strength.low > LOOKS_ALIKE:
        text = (
            f"Without signs, explanations of scrambled models look much the same (correlation "
            f"{strength.value:.2f}): a picture of strengths shows the input, not the model."
        )
        alarms.append(Alarm("strengths-follow-the-input", text))
    if missed.value > MISSED:
        text = (
            f"Attributions miss {missed.value:.0%} of the output: the model jumps where it has no "
            "slope, as for codes of categories, so they tell a part of the story."
        )
        alarms.append(Alarm("attributions-do-not-add-up", text))
    return tuple(alarms)


def _table(data: Dataset, found: SaliencyValue) -> tuple[Table, ...]:
    if not data.features:
        return ()
    strength = found.strength.double().numpy()
    order = strength.argsort(kind="stable")[::-1][:SHOWN].tolist()
    rows = tuple((data.features[k].name, float(strength[k])) for k in order)
    return (Table("Mean size of what each column adds to the output", ("column", "size"), rows),)
