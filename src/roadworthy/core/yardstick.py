from enum import StrEnum

from roadworthy.core.dataset import Task


class Yardstick(StrEnum):
    """What trainings are judged by; the value is what a reader sees.

    An accuracy and an order are 1 minus the mean error, a distance is the mean error.
    """

    ACCURACY = "accuracy"
    DISTANCE = "mean distance from the target"
    ORDER = "mean Kendall's tau-b within groups"

    @classmethod
    def of(cls, task: Task) -> "Yardstick":
        """Give the usual one for targets of a kind."""
        return cls.ACCURACY if task == Task.NOMINAL else cls.DISTANCE

    @property
    def is_error(self) -> bool:
        """Whether less is better."""
        return self is Yardstick.DISTANCE

    @property
    def unit(self) -> str:
        """The unit of a score, and of a gain."""
        return {Yardstick.ACCURACY: "share", Yardstick.ORDER: "tau"}.get(self, "")
