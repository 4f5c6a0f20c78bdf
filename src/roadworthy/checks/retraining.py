from roadworthy.core.artifact import Subject
from roadworthy.core.errors import NotAssessed


def may_retrain(subject: Subject) -> None:
    """Ask whether there is time to train the model again, several times, on all rows.

    Raises:
        NotAssessed: it is an inspection in a hurry.
    """
    if not subject.effort.retrains:
        raise NotAssessed(
            "it trains the model several times again: it takes --budget standard or thorough"
        )
