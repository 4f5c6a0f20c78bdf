import importlib
import inspect
import os
import re
import sys
from typing import Any

from torch import nn

from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.frameworks import is_estimator
from roadworthy.frameworks.probe import MODEL_ERRORS

SHAPE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def is_import(text: str) -> bool:
    """Say whether a text reads `package.module:name`."""
    return SHAPE.fullmatch(text) is not None


def import_object(text: str) -> Any:
    """Import `package.module:name`, from the current folder or what is installed.

    What can be called without arguments is a factory: it is called, and what it gives is the model.

    Raises:
        InputError: there is no such module or name, or importing or calling it fails.
    """
    module_name, _, path = text.partition(":")
    found = _import(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            raise InputError(f"module {module_name} has no {path}: check the name after the colon")
        found = getattr(found, name)
    if isinstance(found, (Model, nn.Module)) or is_estimator(found) or not _is_factory(found):
        return found
    try:
        return found()
    except MODEL_ERRORS as error:
        raise InputError(f"{text}() fails: {_cause(error)}") from error


def _import(name: str) -> Any:
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if name == missing or name.startswith(f"{missing}."):
            raise InputError(
                f"there is no module {missing} in {here} or among the installed packages"
            ) from None
        raise InputError(f"module {name} needs {missing}, which is not installed") from None
    except (ImportError, SyntaxError, *MODEL_ERRORS) as error:
        raise InputError(f"module {name} cannot be imported: {_cause(error)}") from error
    finally:
        sys.path.remove(here)


def _cause(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def _is_factory(found: Any) -> bool:
    """Say whether something can be called, and needs no argument for it."""
    if not callable(found):
        return False
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # built in: a function of its inputs, as far as can be known
        return False
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    is_needed = (
        part.default is inspect.Parameter.empty and part.kind not in optional for part in parameters
    )
    takes_any = any(part.kind == inspect.Parameter.VAR_POSITIONAL for part in parameters)
    return not any(is_needed) and not takes_any
