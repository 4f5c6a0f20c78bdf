"""Telling a defect from too few rows to see whether there is one."""

from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Threshold, Verdict, compare


def judged_beyond_doubt(
    estimate: Measure, threshold: Threshold, nothing: float = 0.0
) -> tuple[Verdict, str]:
    """Judge an estimate that is to be below a limit; warn only of what is surely there.

    An interval that reaches from beyond the limit to where there is no defect at all says neither.

    Args:
        estimate: what is judged.
        threshold: by what.
        nothing: what it is where there is no defect.

    Returns:
        The verdict, and the reason where it is not assessed.
    """
    verdict = compare(estimate, threshold)
    if verdict is not Verdict.WARN or estimate.low > nothing:
        return verdict, ""
    return Verdict.NOT_ASSESSED, (
        f"{estimate.n} rows are too few to tell: it lies between {estimate.low:.2f} and "
        f"{estimate.high:.2f}"
    )
