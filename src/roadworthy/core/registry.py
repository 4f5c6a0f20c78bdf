import difflib
import inspect
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError


class Carded(Protocol):
    """Anything with a card: a class whose instances are items, or an item."""

    @property
    def card(self) -> Card:
        """What the item says of itself."""


T = TypeVar("T", bound=Carded)


class Registry(Generic[T]):
    """The ordered, read-only table of one kind of item, found by name or alias in any case.

    Args:
        kind: the plural that `roadworthy list KIND` takes.
        items: classes with a `card`, in the order in which tables show them.
    """

    def __init__(self, kind: str, *items: T) -> None:
        self.kind = kind
        self._by_key: dict[str, T] = {}
        self._items = items
        for item in items:
            if items.count(item) > 1:
                raise ValueError(f"{item.card.name!r} is listed twice among the {kind}")
            for key in (item.card.name, *item.card.aliases):
                if self._by_key.setdefault(key.casefold(), item) is not item:
                    raise ValueError(f"two {kind} are called {key!r}")

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._by_key

    def names(self) -> tuple[str, ...]:
        """Give the names in table order, without aliases."""
        return tuple(item.card.name for item in self._items)

    def get(self, name: str) -> T:
        """Find an item by name or alias.

        Raises:
            InputError: no item has that name; the message offers the nearest ones.
        """
        if name in self:
            return self._by_key[name.casefold()]
        near = difflib.get_close_matches(name.casefold(), self._by_key, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"one of {', '.join(self.names())}"
        raise InputError(f"there is no {name!r} among the {self.kind}: {hint}")


def summary(item: object) -> str:
    """Give the first line of an item's reference page."""
    return (inspect.getdoc(item) or "").partition("\n")[0]
