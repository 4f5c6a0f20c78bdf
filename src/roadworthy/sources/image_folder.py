import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from roadworthy.core.errors import InputError
from roadworthy.sources.data_options import DataOptions
from roadworthy.sources.file_columns import file_columns
from roadworthy.sources.rows import Rows
from roadworthy.sources.splits import UNLABELLED, canonical_names, is_split_name

FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
MOST_FILES = 200_000
MOST_PIXELS = 2**24
MOST_VALUES = 4 * 2**30
_GREY = ("1", "L", "LA")
_COLORED = ("P", "RGB", "RGBA", "CMYK", "YCbCr")
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def read_image_folder(path: Path, options: DataOptions) -> Rows:
    """Read images from folder/class/image, or from folder/train/class/image and so on.

    Images in folder/unlabelled itself have no class. Rows are numbered in the order of the sorted
    paths, those last. Images must be of one size; they stay grey where all are.

    Raises:
        InputError: an option does not apply, or images are missing, damaged or of several sizes.
    """
    pool = [folder for folder in _folders(path) if _is_unlabelled(folder)]
    folders = [folder for folder in _folders(path) if folder not in pool]
    is_split = len(folders) > 1 and all(is_split_name(folder.name) for folder in folders)
    holders = (
        [(f, c) for f in folders for c in _folders(f)] if is_split else [(path, f) for f in folders]
    )
    found = [
        (split.name if is_split else "", label.name, file)
        for split, label in holders
        for file in _files(label)
    ]
    found += [(UNLABELLED, None, file) for folder in pool for file in _files(folder)]
    if not any(label for _, label, _ in found):
        raise InputError(
            f"{path} holds no images: put them into one folder per class, as {path.name}/cat/1.png "
            f"({', '.join(ENDINGS)})"
        )
    _refuse_columns(options)
    files = [file for _, _, file in found]
    _check_inside(path, files)
    x, kinds, notes = _read_images(files)
    return Rows(
        name=path.resolve().name,
        x=x,
        target=pl.Series("class", [label for _, label, _ in found], dtype=pl.String),
        columns=file_columns(kinds, [file.stat().st_size for file in files]),
        ids=np.arange(len(files)),
        given=np.array([split for split, _, _ in found]) if is_split or pool else None,
        origin="The split was given by the folders.",
        notes=notes,
    )


def read_unlabelled_images(path: Path, options: DataOptions) -> Rows:
    """Read images that lie in a folder itself: nobody has told their classes.

    Raises:
        InputError: images are missing, damaged or of several sizes.
    """
    files = _files(path)
    if not files:
        return read_image_folder(path, options)
    _check_inside(path, files)
    x, kinds, notes = _read_images(files)
    return Rows(
        name=path.resolve().name,
        x=x,
        target=pl.Series("class", [None] * len(files), dtype=pl.String),
        columns=file_columns(kinds, [file.stat().st_size for file in files]),
        ids=np.arange(len(files)),
        notes=notes,
    )


def _is_unlabelled(folder: Path) -> bool:
    return str(canonical_names(np.array([folder.name]))[0]) == UNLABELLED and bool(_files(folder))


def _refuse_columns(options: DataOptions) -> None:
    for name, option in ((options.target, "--target"), (options.metadata, "--metadata")):
        if name is not None:
            raise InputError(
                f"{option} does not apply to an image folder: its folders name classes"
            )
    for name, option in options.columns.items():
        raise InputError(f"an image folder has no column {name!r} for {option}")


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS)


def _check_inside(root: Path, files: list[Path]) -> None:
    if len(files) > MOST_FILES:
        raise InputError(f"{root} holds {len(files):,} images, more than {MOST_FILES:,}")
    inside = root.resolve()
    for file in files:
        if not file.resolve().is_relative_to(inside):
            raise InputError(f"{file} is a link out of the folder: copy the image into it")


def _read_images(files: list[Path]) -> tuple[np.ndarray, list[str], tuple[str, ...]]:
    """Read images as bytes (N, H, W) or (N, 3, H, W), with the kind of each file and notes."""
    images: list[np.ndarray] = []
    kinds: list[str] = []
    # by file: each is decoded on its own
    for file in files:
        image, kind = _read_image(file)
        if images and image.shape[:2] != images[0].shape[:2]:
            sizes = [f"{i.shape[1]}x{i.shape[0]}" for i in (images[0], image)]
            raise InputError(
                f"images differ in size: {_short(files[0])} is {sizes[0]}, {_short(file)} is "
                f"{sizes[1]}; bring them to one size first"
            )
        images.append(image)
        kinds.append(kind)
        if len(images) * images[0].size > MOST_VALUES:
            raise InputError(f"the images hold more than {MOST_VALUES:,} values: give a sample")
    if all(image.ndim == 2 for image in images):
        return np.stack(images), kinds, ()
    grey = sum(image.ndim == 2 for image in images)
    notes = (f"{grey} grey images were turned into RGB, as the others are.",) if grey else ()
    colored = [i if i.ndim == 3 else np.repeat(i[..., None], 3, axis=2) for i in images]
    # channels first: a picture three pixels wide is not mistaken for one
    return np.stack(colored).transpose(0, 3, 1, 2), kinds, notes


def _short(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _read_image(file: Path) -> tuple[np.ndarray, str]:
    """Decode an image into bytes (H, W) or (H, W, 3); name its format and kind of pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise InputError(f"{file} has more than {MOST_PIXELS:,} pixels")
                if image.mode not in _GREY + _COLORED:
                    raise InputError(
                        f"{file} has pixels of kind {image.mode!r}: save it with 8 bits a channel"
                    )
                pixels = np.asarray(image.convert("L" if image.mode in _GREY else "RGB"))
                return pixels, f"{image.format} {image.mode}"
    except _DAMAGE as error:
        raise InputError(f"{file} cannot be read as an image: {error}") from None
