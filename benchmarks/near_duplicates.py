"""Near-duplicates between CIFAR-10 test and training images: ours against plain color correlation.

Truth: the ciFAIR list (Barz and Denzler 2020, J. Imaging 6(6):41). Pairs it does not list count as
false although many are true, so every precision here is a lower bound.
"""

import argparse
import csv
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from roadworthy.artifacts.image_duplicates import NearDuplicates, contrast, find_near_duplicates

RESULT = Path(__file__).parent / "results" / "near_duplicates.json"
Pairs = tuple[Tensor, Tensor, Tensor]  # a_index, b_index, score, best first


def load(folder: Path) -> tuple[Tensor, Tensor, set[tuple[int, int]]]:
    """Test images, training images and the listed (test row, training row) pairs."""
    with np.load(folder / "cifar10_10k.npz") as data:
        position = {int(index): row for row, index in enumerate(data["train_index"])}
        test, train = (
            torch.from_numpy(data[name]).permute(0, 3, 1, 2) / 255 for name in ("x_test", "x_train")
        )
    with (folder / "cifar10_duplicates_train_test.csv").open() as file:
        truth = {(int(r["TestID"]), position[int(r["TrainID"])]) for r in csv.DictReader(file)}
    return test, train, truth


def color_correlation(a: Tensor, b: Tensor, neighbors: int) -> Pairs:
    """The baseline: correlation of 16x16 color pixels, also mirrored; nearest neighbors in `b`."""
    gallery = contrast(functional.adaptive_avg_pool2d(b, 16)).flatten(1).T
    small = contrast(functional.adaptive_avg_pool2d(a, 16))
    views = [view.flatten(1).split(500) for view in (small, small.flip(-1))]
    tops = [
        torch.maximum(x @ gallery, y @ gallery).topk(neighbors, 1)
        for x, y in zip(*views, strict=True)
    ]
    score = torch.cat([top.values for top in tops]).flatten()
    b_index = torch.cat([top.indices for top in tops]).flatten()
    a_index = torch.arange(len(a)).repeat_interleave(neighbors)
    order = score.argsort(descending=True)
    return a_index[order], b_index[order], score[order]


def operating_points(pairs: Pairs, truth: set[tuple[int, int]]) -> dict[str, float]:
    """Largest recall at each precision."""
    hits = listed(pairs, truth).cumsum(0)
    precision = hits / torch.arange(1, len(hits) + 1)
    return {
        f"{floor:.2f}": round(float(hits[precision >= floor].max()) / len(truth), 4)
        for floor in (0.9, 0.8, 0.7, 0.6, 0.57, 0.5, 0.4)
        if (precision >= floor).any()
    }


def listed(pairs: Pairs, truth: set[tuple[int, int]]) -> Tensor:
    rows = zip(pairs[0].tolist(), pairs[1].tolist(), strict=True)
    return torch.tensor([pair in truth for pair in rows], dtype=torch.float)


def at_threshold(pairs: Pairs, threshold: float, truth: set[tuple[int, int]]) -> dict[str, float]:
    hits = listed(pairs, truth)[pairs[2] > threshold]
    return {
        "threshold": round(threshold, 4),
        "pairs": len(hits),
        "precision": round(float(hits.mean()), 4),
        "recall": round(float(hits.sum()) / len(truth), 4),
    }


def as_pairs(found: NearDuplicates) -> Pairs:
    return found.a_index, found.b_index, found.score


def measure(folder: Path) -> dict[str, object]:
    test, train, truth = load(folder)
    start = time.perf_counter()
    # so many false alarms are allowed that the curve reaches low precision
    ours = find_near_duplicates(test, train, expected_false_alarms=1000)
    ours_seconds = time.perf_counter() - start
    default = float(ours.threshold) + math.log(1000 / 0.01)
    start = time.perf_counter()
    pixels = color_correlation(test, train, neighbors=8)
    pixel_seconds = time.perf_counter() - start
    return {
        "data": {"test": len(test), "train": len(train), "listed_pairs": len(truth)},
        "note": "pairs that the list lacks count as false, so precision is a lower bound",
        "ours": {
            "at_default_threshold": at_threshold(as_pairs(ours), default, truth),
            "recall_at_precision": operating_points(as_pairs(ours), truth),
            "seconds": round(ours_seconds, 1),
        },
        "color_correlation_16x16": {
            "at_thresholds": [at_threshold(pixels, t, truth) for t in (0.96, 0.94, 0.92, 0.90)],
            "recall_at_precision": operating_points(pixels, truth),
            "seconds": round(pixel_seconds, 1),
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    result = measure(parser.parse_args().data)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
