"""Documents and checklists that a report fills in, from dated data files beside this one."""

from roadworthy.render.standards.answers import Answer, Status, answers, counts
from roadworthy.render.standards.standard import Item, Standard, items_for, must_know, standards

__all__ = [
    "Answer",
    "Item",
    "Standard",
    "Status",
    "answers",
    "counts",
    "items_for",
    "must_know",
    "standards",
]
