"""Write the built-in digits as a folder of images of which few have a label.

python examples/digits_folder.py photos

photos/0 … photos/9 hold 20 images each, photos/unlabelled 300. What those show stands in
photos-answers.csv, as a person would have labelled them.
"""

import csv
import sys
from pathlib import Path

import torch
from PIL import Image

import roadworthy as rw

LABELLED, UNLABELLED = 20, 300  # of each digit, and in all


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "photos")
    digits = rw.load_dataset("digits")
    x = torch.cat([split.x for split in digits.splits])
    y = torch.cat([split.y for split in digits.splits])
    taken = torch.zeros(len(y), dtype=torch.bool)
    for digit in range(10):
        own = (y == digit).nonzero()[:LABELLED, 0]
        taken[own] = True
        for place in own.tolist():
            save(x[place], folder / str(digit) / f"{place:04d}.png")
    rest = (~taken).nonzero()[:UNLABELLED, 0].tolist()
    for place in rest:
        save(x[place], folder / "unlabelled" / f"{place:04d}.png")
    # rows are numbered in the order of the sorted paths, those without a label last
    first = 10 * LABELLED
    with folder.with_name(f"{folder.name}-answers.csv").open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("row", "label"))
        writer.writerows((first + k, int(y[place])) for k, place in enumerate(rest))
    print(f"{folder}: {first} images with a label, {len(rest)} without")


def save(image: torch.Tensor, file: Path) -> None:
    """Write an image (1, 8, 8) as a grey PNG file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((image[0] * 255).round().byte().numpy()).save(file)


if __name__ == "__main__":
    main()
