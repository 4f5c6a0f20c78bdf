import numpy as np
from scipy import optimize, special

from roadworthy.core.estimates.measure import CONFIDENCE, Measure, need

STEP = 0.01
STEEPEST = 60.0  # of the slope, per mean margin


def contamination(name: str, margins: np.ndarray, agrees: np.ndarray, classes: int) -> Measure:
    """Estimate the share of labels that are wrong whatever the row, by how answers agree with them.

    The true label is the model's answer with a chance that rises with the margin, a logistic curve
    through what a guess would be at 0; a share of the labels is then exchanged for another, each as
    likely. So hard rows disagree where margins are small, and wrong labels everywhere. The interval
    is that of the profile likelihood, and reaches 0 where the curve alone would do, as it does for
    a calibrated model. Nothing can tell wrong labels from outcomes that are left to the same chance
    in all rows.
    Source: Copas 1988, doi:10.1111/j.2517-6161.1988.tb01723.x; Hausman, Abrevaya, Scott-Morton
    1998, doi:10.1016/S0304-4076(98)00015-3; here with one slope, for any number of classes.

    Args:
        name: what is estimated.
        margins: (N,) log-odds of the class answered, less those of a guess among all.
        agrees: (N,) whether the answer is the given label.
        classes: how many there are.
    """
    need(len(margins), 2, name)
    others = classes - 1
    scaled = margins / max(float(margins.mean()), 1e-12)
    shares = np.arange(0, others / classes, STEP)

    def loss(slope: float, share: float) -> float:
        is_true = special.expit(slope * scaled - np.log(others))
        said = (1 - share) * is_true + share / others * (1 - is_true)
        said = np.where(agrees, said, 1 - said).clip(1e-12)
        return -float(np.log(said).sum())

    # by share: each has a slope of its own
    losses = np.array(
        [
            optimize.minimize_scalar(
                loss, bounds=(0, STEEPEST), args=(share,), method="bounded"
            ).fun
            for share in shares
        ]
    )
    is_held = 2 * (losses - losses.min()) <= special.chdtri(1, 1 - CONFIDENCE)
    held = np.flatnonzero(is_held)
    low, high = shares[max(held[0] - 1, 0)], shares[min(held[-1] + 1, len(shares) - 1)]
    value = float(shares[losses.argmin()])
    return Measure(name, value, float(low), float(high), len(margins), "share", "profile 95 %")
