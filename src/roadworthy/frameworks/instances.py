import sys
from typing import Any


def is_instance(model: Any, module: str, *names: str) -> bool:
    """Say whether something is of a class of a package, without importing the package."""
    found = sys.modules.get(module)  # who holds an instance has imported it
    kinds = tuple(getattr(found, name) for name in names if hasattr(found, name))
    return isinstance(model, kinds)
