import struct
import zlib

from roadworthy.core.errors import InputError
from roadworthy.core.finding import Picture

_COLOR_TYPE = {1: 0, 3: 2}  # grey, RGB


def png(picture: Picture) -> bytes:
    """Write a picture as a PNG file (ISO/IEC 15948), eight bits per channel.

    Raises:
        InputError: the picture has not as many bytes as its size says.
    """
    width, height, channels = picture.width, picture.height, picture.channels
    needed = width * height * channels
    if channels not in _COLOR_TYPE or len(picture.pixels) != needed or not needed:
        raise InputError(
            f"the report is damaged: the picture {picture.caption!r} has {len(picture.pixels)} "
            f"bytes, which is not {width} x {height} pixels of 1 or 3 channels"
        )
    stride = width * channels
    # each row starts with the number of its filter: none
    rows = b"".join(
        b"\0" + picture.pixels[start : start + stride] for start in range(0, needed, stride)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOR_TYPE[channels], 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows, 9)), _chunk(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
