from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

REPEATS = 20
KEPT = 0.8  # of the rows, where a part of them is taken
KINDS = ("placebo treatment", "random common cause", "part of the rows")

Estimate = Callable[[np.ndarray, np.ndarray, np.ndarray | None], tuple[float, float]]


@dataclass(frozen=True)
class Refutation:
    """An estimate that was made in another way and should agree.

    Args:
        name: what was changed.
        value: the mean effect over all repetitions.
        expected: what it should be near.
        moved: how far off it is, in standard errors of one such estimate.
    """

    name: str
    value: float
    expected: float
    moved: float

    @property
    def is_refuted(self) -> bool:
        """It is off by more than one standard error, where the mean of 20 has a quarter of one."""
        return abs(self.moved) > 1


def refuted(estimate: Estimate, n: int, *, seed: int = 0) -> Iterator[Refutation]:
    """Estimate an effect anew where the answer is known, 20 times each.

    A treatment that was dealt at random has no effect; one more common cause that is noise changes
    nothing, nor does leaving out a fifth of the rows (after Sharma and Kiciman 2020,
    arXiv:2011.04216). They find errors of the estimation, not causes that are not recorded.

    Args:
        estimate: gets numbers of rows (M,), of the rows whose treatment each has (M,), and a
            common cause (M,) or None; gives an effect and its standard error.
        n: how many rows there are.
        seed: draws what is changed.
    """
    generator, everything = np.random.default_rng(seed), np.arange(n)
    whole, _ = estimate(everything, everything, None)

    def again(kind: str) -> tuple[float, float]:
        if kind == "placebo treatment":
            return estimate(everything, generator.permutation(n), None)
        if kind == "random common cause":
            return estimate(everything, everything, generator.normal(size=n))
        rows = generator.permutation(n)[: int(KEPT * n)]
        return estimate(rows, rows, None)

    for kind in KINDS:
        value, error = np.mean([again(kind) for _ in range(REPEATS)], axis=0)
        expected = 0.0 if kind == "placebo treatment" else whole
        yield Refutation(kind, float(value), expected, float((value - expected) / error))
