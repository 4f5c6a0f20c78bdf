from collections.abc import Iterable


def listing(names: Iterable[object], most: int = 10) -> str:
    """Name things in a sentence, quoted, the first few of many."""
    every = [repr(str(name)) for name in names]
    rest = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + rest
