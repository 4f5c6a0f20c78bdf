"""What can go wrong, by whose part it is to mend it."""


class InputError(Exception):
    """The user's input or set-up is wrong; the message says what, where and what to do."""


class MissingExtraError(InputError):
    """A feature was asked for whose optional packages are not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs an extra: pip install 'roadworthy[{extra}]'")


class NotAssessed(Exception):  # noqa: N818 - it is an outcome, not an error
    """A check cannot be judged here; the message is the reason that the report shows."""


class ArtifactError(Exception):
    """An artifact failed; every check that needs it reports the cause."""
