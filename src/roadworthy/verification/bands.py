"""Bands of columns, all that is left of an image, and what a patch can do to votes on them."""

import torch
from torch import Tensor

MISSING = 0.5  # what stands for a pixel that is left out


def keep_band(x: Tensor, first: Tensor, width: int) -> Tensor:
    """Leave only `width` columns of images (N, C, H, W), from `first` (N,) on and around the edge.

    Every other pixel becomes `MISSING`, a middle grey.
    """
    column = torch.arange(x.shape[3], device=x.device)
    is_kept = (column - first[:, None]) % x.shape[3] < width
    return x.where(is_kept[:, None, None], MISSING)


def certified_against_patches(votes: Tensor, y: Tensor, size: int, width: int) -> Tensor:
    """Say on which images no patch of so many columns can change the outcome.

    A patch changes the votes of all bands that it touches at will, and no others; it is tried at
    every place. Of classes with equally many votes the first wins.

    Source: Levine and Feizi 2020, arXiv:2002.10733, theorem 1 for column smoothing.
    Differs from the paper: the bands are those that the patch touches where it lies, not the worst
    choice of as many of them, so that never less is certified.

    Args:
        votes: (N, W, K) bool, the classes that each band votes for.
        y: (N,) the classes that must win.
        size: columns of the patch.
        width: columns of a band.

    Returns:
        (N,) bool.
    """
    columns = votes.shape[1]
    place = torch.arange(max(1, columns - size + 1), device=votes.device)
    start = torch.arange(columns, device=votes.device)
    # a band touches a patch that begins in it, or begins in the patch
    ahead, behind = (place[:, None] - start) % columns, (start - place[:, None]) % columns
    is_touched = ((ahead < width) | (behind < size)).double()  # (P, W)
    untouched = votes.double().sum(1)[:, None] - torch.einsum(
        "pw,nwk->npk", is_touched, votes.double()
    )
    own = untouched.gather(2, y[:, None, None].expand(-1, len(place), -1))
    others = untouched + is_touched.sum(1)[:, None]
    classes = torch.arange(votes.shape[2], device=votes.device)
    is_first = y[:, None] < classes  # wins where votes are equal
    holds = (own > others) | ((own == others) & is_first[:, None])
    return (holds | (classes == y[:, None])[:, None]).all(2).all(1)
