from dataclasses import dataclass, replace

from roadworthy.core.errors import InputError


@dataclass(frozen=True)
class Effort:
    """How much work an inspection may be.

    Args:
        name: what it was asked for as.
        attacked: at most this many test samples are attacked.
        shadows: reference models for membership inference.
        judged: at most this many rows a split go into quadratic work, such as neighbors.
        seconds: stop starting work after so long; None means no limit.
        retrains: the model may be trained again on all rows, several times, to see how much is luck
            and what more rows would bring.
    """

    name: str
    attacked: int
    shadows: int
    judged: int
    seconds: float | None = None
    retrains: bool = True

    @classmethod
    def parse(cls, text: str) -> "Effort":
        """Read `quick`, `standard`, `thorough` or a number of seconds.

        Raises:
            InputError: it is none of them.
        """
        if text in EFFORTS:
            return EFFORTS[text]
        try:
            seconds = float(text)
        except ValueError:
            seconds = float("nan")
        if not 0 < seconds < float("inf"):
            names = ", ".join(EFFORTS)
            raise InputError(f"--budget takes {names} or a number of seconds, not {text!r}")
        return replace(EFFORTS["standard"], name=text, seconds=seconds)


EFFORTS = {
    "quick": Effort("quick", 100, 4, 2_000, retrains=False),
    "standard": Effort("standard", 500, 8, 10_000),
    "thorough": Effort("thorough", 10_000, 64, 50_000),
}
