"""Near-duplicate images: retrieve by whitened pixels, verify by shift-tolerant correlation."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from roadworthy.artifacts.whitened_spectra import (
    CYCLES,
    contrast,
    frequency_radius,
    shift_basis,
    whiten,
    whitening_gain,
    window,
    window_norm,
)

RETRIEVAL_SIDE = 16  # pixels; a photograph is still recognizable
VERIFY_SIDE = 32  # pixels; larger images are averaged down to this
ZOOMS = (1 / 1.1, 1.0, 1.1)


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs of rows of `a` and `b`, best first.

    Attributes:
        a_index, b_index: (P,) rows of the pair.
        score: (P,) how far the pair stands out from the neighbors of its image in `a`, in nats.
        similarity: (P,) whitened correlation at the best shift and zoom, at most 1.
        mirrored: (P,) whether the pair matches as mirror images.
        threshold: () the score that a pair had to exceed.
    """

    a_index: Tensor
    b_index: Tensor
    score: Tensor
    similarity: Tensor
    mirrored: Tensor
    threshold: Tensor


def find_near_duplicates(
    a: Tensor,
    b: Tensor,
    *,
    neighbors: int = 8,
    expected_false_alarms: float = 0.01,
    chunk: int = 512,
) -> NearDuplicates:
    """Pairs that resemble each other far more than their look-alikes in the same data do.

    Each image of `a` retrieves its nearest `neighbors` in `b`; each of those is verified by
    correlation of spectrally whitened images over shifts, zooms and mirroring. The threshold is
    not a similarity: `stand_out` measures a pair against the image's other neighbors, so
    handwritten digits that all look alike raise no alarm.

    Threshold: ln(N (neighbors - 1) / expected_false_alarms). Without copies, the best neighbor of
    an image exceeds t with a probability of at most (neighbors - 1) exp(-t).
    Limits: rotations, crops beyond 10% and flat images are not seen; an image with more than
    `neighbors` copies in `b` is its own background, and so is a `b` mostly made of repetitions;
    images below about 16 pixels say too little once shifted.
    Cost: 10 N M products of 128 numbers and 3 N neighbors correlations; memory grows with N + M.

    Args:
        a: (N, C, H, W) images in [0, 1].
        b: (M, C, H, W) images in [0, 1], M > neighbors, no side below 8 pixels.
        neighbors: candidates per image of `a`, at least 4.
        expected_false_alarms: expected number of false pairs in the whole comparison.
        chunk: images handled at once.

    Raises:
        ValueError: shapes differ or there are too few images for a background.
    """
    _check(a, b, neighbors)
    index, mirrored = retrieve(a, b, neighbors, chunk)
    similarity = verify(a, b, index, mirrored, chunk)
    score = stand_out(similarity)
    threshold = score.new_tensor(math.log(len(a) * (neighbors - 1) / expected_false_alarms))
    row, column = (score > threshold).nonzero(as_tuple=True)
    order = score[row, column].argsort(descending=True)
    row, column = row[order], column[order]
    pairs = (values[row, column] for values in (index, score, similarity, mirrored))
    return NearDuplicates(row, *pairs, threshold)


def retrieve(a: Tensor, b: Tensor, neighbors: int, chunk: int = 512) -> tuple[Tensor, Tensor]:
    """Nearest rows of `b` (N, neighbors) to each image of `a`, and which of them as mirror images.

    Compares 128 principal components of contrast-normalized 16-pixel images, also nudged by a
    pixel. Components are divided by the fourth root of their variance: full whitening would rank
    by noise, none by the color of the background.
    """
    pixels = contrast(shrink(b, RETRIEVAL_SIDE)).flatten(1)
    mean = pixels.mean(0)
    variance, axes = torch.linalg.eigh((pixels - mean).T @ (pixels - mean) / len(b))
    kept = variance[-128:] > variance[-1] * 1e-6
    axes = axes[:, -128:][:, kept] / variance[-128:][kept] ** 0.25

    def embed(x: Tensor) -> Tensor:
        pixels = contrast(shrink(x, RETRIEVAL_SIDE)).flatten(1)
        return functional.normalize((pixels - mean) @ axes, dim=1)

    gallery = embed(b).T
    index, mirrored = [], []
    for part in shrink(a, 2 * RETRIEVAL_SIDE).split(chunk):
        upright, flipped = (
            torch.stack([embed(view) for view in nudged(x)]).matmul(gallery).amax(0)
            for x in (part, part.flip(-1))
        )
        nearest = torch.maximum(upright, flipped).topk(neighbors, 1).indices
        index.append(nearest)
        mirrored.append((flipped > upright).gather(1, nearest))
    return torch.cat(index), torch.cat(mirrored)


def verify(a: Tensor, b: Tensor, index: Tensor, mirrored: Tensor, chunk: int = 512) -> Tensor:
    """Similarity (N, K) of each image of `a` to the rows `index` (N, K) of `b`.

    Dividing by the set's mean amplitude spectrum leaves what is particular to an image; unrelated
    skies or chests share only what is divided out. A window of `a` without its margins slides over
    `b` in half-pixel steps; by Parseval's theorem its product with `b` at every shift is a matrix
    product of the two spectra with the Fourier basis. The best shift and zoom counts.
    """
    a, b = shrink(a, VERIFY_SIDE), shrink(b, VERIFY_SIDE)
    h, w = a.shape[-2:]
    gain = whitening_gain(b[:: 1 + len(b) // 4096])
    radius = frequency_radius(h, w, (h, w), b)
    band = radius < 1.35 * CYCLES  # the gain is below 4% beyond
    basis = shift_basis(h, w, band)
    parts = [whiten(x, gain) for x in b.split(chunk)]
    norms = torch.cat([window_norm(x) for x in parts])  # (M, shifts)
    spectra = torch.cat([torch.fft.rfft2(x)[..., band] for x in parts])  # (M, C, frequencies)
    del parts
    best = []
    chunks = (x.split(chunk) for x in (a, index, mirrored))
    for images, rows, flips in zip(*chunks, strict=True):
        own = torch.arange(len(images), device=a.device)[:, None].expand_as(rows)
        similarity = torch.full(rows.shape, -1.0, device=a.device)
        for scale in ZOOMS:
            zoomed = zoom(images, scale)
            views = torch.stack([window(whiten(x, gain)) for x in (zoomed, zoomed.flip(-1))])
            windows = torch.fft.rfft2(views)[..., band].conj()
            product = (windows[flips.long(), own] * spectra[rows]).sum(2)
            correlation = torch.cat([product.real, product.imag], -1) @ basis / norms[rows]
            similarity = torch.maximum(similarity, correlation.amax(-1))
        best.append(similarity)
    return torch.cat(best)


def stand_out(similarity: Tensor) -> Tensor:
    """Excess (N, K) of each similarity over the image's own background, in units of chance (nats).

    Chance correlations have a normal Fisher z, so z^2 has an exponential tail. By Renyi's
    representation the gap between its j-th and (j+1)-th largest value is then exponential with
    mean scale / j, which gives the scale from the gaps below each image's best match (a copy
    cannot inflate it), and the excess over the last neighbor in this scale is a sum of such gaps.
    Source: Renyi 1953, "On the theory of order statistics".
    """
    z = torch.atanh(similarity.clamp(-0.99999, 0.99999))
    z = z * z.abs()
    ranked = z.sort(1, descending=True).values
    gap = ranked[:, 1] - ranked[:, -1]
    gap = gap.clamp(max=4 * gap.median())  # families of copies must not set the scale
    scale = gap.mean() / sum(1 / j for j in range(2, z.shape[1]))
    return (z - ranked[:, -1:]) / scale.clamp_min(1e-6)


def shrink(x: Tensor, side: int) -> Tensor:
    """Images averaged down until the longer side is at most `side` pixels."""
    h, w = x.shape[-2:]
    ratio = side / max(h, w)
    if ratio >= 1:
        return x
    size = (max(4, round(h * ratio)), max(4, round(w * ratio)))
    return functional.interpolate(x, size=size, mode="area")


def nudged(x: Tensor) -> list[Tensor]:
    """The images and their four copies shifted by one pixel."""
    h, w = x.shape[-2:]
    padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    return [
        padded[..., top : top + h, left : left + w]
        for top, left in ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    ]


def zoom(x: Tensor, scale: float) -> Tensor:
    """Images magnified about their center; what lies outside is reflected."""
    if scale == 1:
        return x
    affine = torch.eye(2, 3, device=x.device, dtype=x.dtype).expand(len(x), 2, 3) / scale
    grid = functional.affine_grid(affine, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def _check(a: Tensor, b: Tensor, neighbors: int) -> None:
    if a.ndim != 4 or a.shape[1:] != b.shape[1:] or min(a.shape[-2:]) < 8:
        raise ValueError(
            f"a has shape {tuple(a.shape)} and b {tuple(b.shape)}: both must be (images, channels, "
            "height, width) with equal channels and sides of at least 8 pixels"
        )
    if not (a.is_floating_point() and a.dtype == b.dtype):
        raise ValueError(f"a is {a.dtype} and b {b.dtype}: both must be floats in [0, 1]")
    if not 4 <= neighbors < len(b):
        raise ValueError(
            f"neighbors is {neighbors} and b has {len(b)} images: a background needs at least "
            "4 neighbors and more images than that"
        )
