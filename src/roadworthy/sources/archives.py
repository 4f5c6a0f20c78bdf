import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from roadworthy.core.errors import InputError

MOST_BYTES = 4 * 2**30
BIG = 256 * 2**20
MOST_RATIO = 500  # a sensible file seldom shrinks by more; one of zeros shrinks by 1000

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
_BAD_HEADER = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, tokenize.TokenError)


class Archive:
    """Reads the arrays of a .npz file one by one, without trusting what it says of itself.

    No pickle is ever loaded; a member is read only up to the size that the archive declares, and
    only if its own header declares the same.

    Args:
        path: the file.

    Raises:
        InputError: it is no .npz file, or would unpack to too much.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as file:
                members = file.infolist()
        except _DAMAGE as error:
            raise InputError(f"{path} is not a whole .npz file: {error}") from None
        size = sum(member.file_size for member in members)
        packed = max(path.stat().st_size, 1)
        if size > MOST_BYTES or (size > BIG and size > MOST_RATIO * packed):
            raise InputError(
                f"{path} would unpack from {packed:,} to {size:,} bytes: this looks like a zip "
                "bomb and is refused; split it up if it is not"
            )
        self._members = {m.filename.removesuffix(".npy"): m for m in members}

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def read(self, name: str) -> np.ndarray:
        """Read an array of numbers, truth values or text.

        Raises:
            InputError: it is damaged, forged, or of Python objects.
        """
        where = f"{self.path}: array {name!r}"
        try:
            with zipfile.ZipFile(self.path) as file, file.open(self._members[name]) as member:
                shape, is_fortran, dtype = _read_header(member, where)
                size = math.prod(shape) * dtype.itemsize
                content = member.read()
        except _DAMAGE as error:
            raise InputError(f"{where} is damaged: {error}") from None
        if len(content) != size:
            raise InputError(
                f"{where} is said to have shape {shape} of {dtype}, {size:,} bytes, but the file "
                f"holds {len(content):,}: it is damaged or forged"
            )
        return np.frombuffer(content, dtype).reshape(shape, order="F" if is_fortran else "C")


def _read_header(member: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = npy.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise InputError(f"{where} has structured columns: save each as an array of its own")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, is_fortran, dtype = read(member)
    except _BAD_HEADER as error:
        raise InputError(f"{where} has no valid header: {error}") from None
    if dtype.hasobject:
        raise InputError(
            f"{where} holds Python objects, which are stored as a pickle; Roadworthy never loads "
            "pickles from data files: save numbers or text"
        )
    if dtype.kind not in "biufU" or any(side < 0 for side in shape):
        raise InputError(
            f"{where} holds {dtype} of shape {shape}: it must hold real numbers, truth values or "
            "text"
        )
    return shape, is_fortran, dtype
