import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from torch import Tensor


def fingerprint(*parts: object) -> str:
    """Hash tensors, arrays and anything with an exact `repr` to 64 hex digits (SHA-256)."""
    digest = hashlib.sha256()
    for part in _flat(parts):
        if isinstance(part, Tensor):
            part = part.detach().cpu().contiguous().numpy()
        if isinstance(part, np.ndarray) and part.dtype != object:
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            text = repr(part.tolist() if isinstance(part, np.ndarray) else part).encode()
            digest.update(f"{len(text)}:".encode() + text)
    return digest.hexdigest()


def _flat(parts: Iterable[object]) -> Iterable[object]:
    for part in parts:
        if isinstance(part, (tuple, list)):
            yield f"{type(part).__name__}{len(part)}"
            yield from _flat(part)
        elif isinstance(part, dict):
            yield from _flat([(str(key), part[key]) for key in sorted(part, key=str)])
        else:
            yield part


@cache
def code_fingerprint() -> str:
    """Hash the package's own source: an artifact made by other code is never reused."""
    root = Path(__file__).parents[1]
    outside = {"cli", "render"}  # they compute no artifact
    files = [p for p in sorted(root.rglob("*.py")) if p.relative_to(root).parts[0] not in outside]
    return fingerprint([(str(p.relative_to(root)), p.read_bytes()) for p in files])
