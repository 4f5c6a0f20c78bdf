"""Things that are put into a picture: behind a person, or on one. All are drawn, none is a photo.

Of images (N, C, H, W) in [0, 1]. A face is its left, top, right and bottom in pixels (N, 4); where
none is known, things are hung on the border and in a corner only.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from roadworthy.core.streams import Streams

BORDER = 1 / 8  # of the side, that is taken for background where no face is known
FRAME = 1 / 5  # of the shorter side
DARK, PAPER = 0.12, 0.85


def bookshelf(x: Tensor, face: Tensor | None, streams: Streams) -> Tensor:
    """Put shelves of books behind the person, or along the border."""
    height, width = x.shape[2:]
    board, book = max(3, height // 4), max(1, width // 16)
    shelves, books = -(-height // board), -(-width // book)
    colors = streams.uniform((x.shape[1], shelves, books), x.dtype)
    row, column = torch.arange(height), torch.arange(width)
    painted = colors[:, :, row // board][:, :, :, column // book]
    is_board = (row % board == board - 1)[:, None].to(x.device)
    painted = torch.where(is_board, DARK, painted)
    return torch.where(background(x, face), painted, x)


def picture_frame(x: Tensor, face: Tensor | None, streams: Streams) -> Tensor:
    """Hang a framed picture into an upper corner, behind the person."""
    side = max(3, round(FRAME * min(x.shape[2:])))
    gap = max(1, side // 6)
    row, column = _grid(x)
    is_left = streams.uniform((), x.dtype)[:, None, None] < 0.5
    across = torch.where(is_left, column, x.shape[3] - 1 - column) - gap  # from the near side
    down = row - gap
    inside = (across >= 0) & (across < side) & (down >= 0) & (down < side)
    thick = max(1, side // 6)
    is_paper = (torch.minimum(across, down) >= thick) & (torch.maximum(across, down) < side - thick)
    shade = torch.where(is_paper, PAPER, DARK)
    seen = inside[:, None] if face is None else inside[:, None] & background(x, face)
    return torch.where(seen, shade[:, None].to(x.dtype), x)


def glasses(x: Tensor, face: Tensor, streams: Streams) -> Tensor:
    """Put dark rims around the eyes, which lie at two fifths of the face's height."""
    row, column = _grid(x)
    left, top, right, bottom = _sides(face)
    wide, high = right - left, bottom - top
    radius, rim = 0.17 * wide, (0.05 * wide).clamp_min(1.0)
    level = row - (top + 0.4 * high)
    from_nose = (column - (left + right) / 2).abs()
    to_eye = (level.square() + (from_nose - 0.22 * wide).square()).sqrt()
    is_rim = (to_eye - radius).abs() <= rim / 2
    is_bridge = (level.abs() <= rim / 2) & (from_nose <= 0.22 * wide - radius)
    is_temple = (level.abs() <= rim / 2) & (from_nose >= 0.22 * wide + radius)
    is_temple &= from_nose <= wide / 2
    return torch.where((is_rim | is_bridge | is_temple)[:, None], DARK, x)


def headscarf(x: Tensor, face: Tensor, streams: Streams) -> Tensor:
    """Lay cloth of one color around the face and over the hair and neck."""
    row, column = _grid(x)
    left, top, right, bottom = _sides(face)
    wide, high = (right - left) / 2, (bottom - top) / 2
    across = (column - (left + right) / 2).abs()
    down = row - (top + bottom) / 2
    within = (across / wide).square() + (down / high).square()
    is_face = within <= 1
    is_head = (across / (1.45 * wide)).square() + (down / (1.4 * high)).square() <= 1
    is_neck = (down > 0.6 * high) & (down <= 1.8 * high) & (across <= 1.3 * wide)
    cloth = 0.15 + 0.5 * streams.uniform((x.shape[1], 1, 1), x.dtype)
    return torch.where(((is_head | is_neck) & ~is_face)[:, None], cloth, x)


def background(x: Tensor, face: Tensor | None) -> Tensor:
    """Say which pixels (N, 1, H, W) show no person, as far as is known.

    A person is a head around the face, and below the chin a body three faces wide. Without a face
    only the border counts, but for the lower one, where a person is cut off.
    """
    row, column = _grid(x)
    if face is None:
        height, width = x.shape[2:]
        deep = max(1, round(BORDER * min(height, width)))
        is_border = (row < deep) | (column < deep) | (column >= width - deep)
        return is_border.expand(len(x), height, width)[:, None]
    left, top, right, bottom = _sides(face)
    wide, high = right - left, bottom - top
    across = (column - (left + right) / 2).abs()
    is_head = (across <= 0.8 * wide) & (row >= top - 0.4 * high) & (row <= bottom)
    is_body = (across <= 1.5 * wide) & (row > bottom)
    return ~(is_head | is_body)[:, None]


def _grid(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give the rows (1, H, 1) and columns (1, 1, W) of pixels."""
    row = torch.arange(x.shape[2], dtype=x.dtype, device=x.device)
    column = torch.arange(x.shape[3], dtype=x.dtype, device=x.device)
    return row[None, :, None], column[None, None, :]


def _sides(face: Tensor) -> tuple[Tensor, ...]:
    return tuple(face[:, :, None, None].unbind(1))


BACKGROUND_EDITS: dict[str, Callable[[Tensor, Tensor | None, Streams], Tensor]] = {
    "bookshelf": bookshelf,
    "picture frame": picture_frame,
}
WORN_EDITS: dict[str, Callable[[Tensor, Tensor, Streams], Tensor]] = {
    "glasses": glasses,
    "headscarf": headscarf,
}
