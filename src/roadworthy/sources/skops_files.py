import zipfile
from pathlib import Path
from typing import Any

from roadworthy.core.errors import InputError, MissingExtraError

# what skops raises at a file that is damaged or was made with other versions
DAMAGE = (
    zipfile.BadZipFile,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


def load_skops(path: Path, trust: bool) -> Any:
    """Load an estimator that skops saved; types that it does not know are refused.

    Raises:
        InputError: it is damaged, or holds unknown types and is not trusted.
        MissingExtraError: skops is not installed.
    """
    try:
        from skops.io import get_untrusted_types, load
        from skops.io.exceptions import UntrustedTypesFoundException
    except ImportError:
        raise MissingExtraError("a .skops file", "skops") from None
    try:
        unknown = get_untrusted_types(file=path)
        if unknown and not trust:
            raise InputError(
                f"{path} holds types that skops does not trust ({', '.join(unknown[:5])}): pass "
                "--trust if you know who made the file"
            )
        return load(path, trusted=unknown)
    except (*DAMAGE, UntrustedTypesFoundException) as error:
        raise InputError(
            f"{path} is no whole .skops file: {type(error).__name__}: {str(error)[:160]}"
        ) from None
