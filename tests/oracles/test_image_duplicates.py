import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional

from roadworthy.artifacts.image_duplicates import find_near_duplicates

DATA = Path(__file__).parents[3] / "shared" / "data"
COPIES = 20


def scenes(n: int, seed: int, size: int = 28) -> Tensor:
    """Random pictures (n, 3, size, size) with the 1/f spectrum of photographs."""
    noise = torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))
    frequency = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None])
    picture = torch.fft.irfft2(torch.fft.rfft2(noise) / (frequency + 1 / size), s=(size, size))
    low, high = picture.amin((1, 2, 3), keepdim=True), picture.amax((1, 2, 3), keepdim=True)
    return (picture - low) / (high - low)


def shifted(x: Tensor) -> Tensor:
    return functional.pad(x, (2, 0, 2, 0), mode="replicate")[..., 1:-1, 1:-1]


def noisy(x: Tensor) -> Tensor:
    return x + 0.02 * torch.randn(x.shape, generator=torch.Generator().manual_seed(9))


EDITS = {
    "identical": lambda x: x,
    "shifted": shifted,
    "brighter": lambda x: (0.6 * x + 0.3).clamp(0, 1),
    "more contrast": lambda x: (1.3 * x - 0.15).clamp(0, 1),
    "noisy": noisy,
    "mirrored": lambda x: x.flip(-1),
    "all at once": lambda x: noisy(0.8 * shifted(x.flip(-1)) + 0.1).clamp(0, 1),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_copies_are_found_and_nothing_else(edit: str) -> None:
    b = scenes(300, seed=1)
    a = torch.cat([EDITS[edit](b[:COPIES]), scenes(100, seed=2)])
    found = find_near_duplicates(a, b)
    pairs = sorted(zip(found.a_index.tolist(), found.b_index.tolist(), strict=True))
    assert pairs == [(row, row) for row in range(COPIES)]
    assert found.mirrored.all() == (edit in {"mirrored", "all at once"})


def test_unrelated_pictures_raise_no_alarm() -> None:
    assert len(find_near_duplicates(scenes(200, seed=3), scenes(300, seed=4)).score) == 0


def test_a_fully_copied_set_is_found() -> None:
    b = scenes(200, seed=5)
    assert len(find_near_duplicates(shifted(b), b).score) == len(b)


def test_scores_are_sorted_and_exceed_the_threshold() -> None:
    b = scenes(200, seed=6)
    found = find_near_duplicates(torch.cat([noisy(b[:9]), scenes(50, seed=7)]), b)
    assert found.score.diff().max() <= 0
    assert found.score.min() > found.threshold


def digits() -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(load_digits().images).float()[:, None] / 16
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order[:540]], images[order[540:]]


def test_digits_raise_no_alarm() -> None:
    assert len(find_near_duplicates(*digits()).score) == 0


def test_copies_among_digits_are_found() -> None:
    a, b = digits()
    a = torch.cat([0.7 * b[:COPIES] + 0.1, a])
    found = find_near_duplicates(a, b)
    assert found.a_index.sort().values.tolist() == list(range(COPIES))
    assert torch.equal(found.a_index, found.b_index)


def test_flat_images_give_no_pairs_and_no_nan() -> None:
    found = find_near_duplicates(torch.zeros(5, 1, 12, 12), torch.ones(10, 1, 12, 12))
    assert len(found.score) == 0


def test_too_few_images_for_a_background_are_refused() -> None:
    with pytest.raises(ValueError, match="background"):
        find_near_duplicates(scenes(5, seed=0), scenes(8, seed=1))


@pytest.mark.slow
def test_cifar10_test_images_leaked_from_training_are_found() -> None:
    """Truth: the ciFAIR list (Barz and Denzler 2020); pairs it does not list count as false."""
    archive, listed = DATA / "cifar10_10k.npz", DATA / "cifar10_duplicates_train_test.csv"
    if not (archive.exists() and listed.exists()):
        pytest.skip("the CIFAR-10 sample or the ciFAIR list is not in ../shared/data")
    with np.load(archive) as data:
        position = {int(index): row for row, index in enumerate(data["train_index"])}
        a, b = (
            torch.from_numpy(data[name]).permute(0, 3, 1, 2) / 255 for name in ("x_test", "x_train")
        )
    with listed.open() as file:
        truth = {(int(r["TestID"]), position[int(r["TrainID"])]) for r in csv.DictReader(file)}
    found = find_near_duplicates(a, b)
    pairs = set(zip(found.a_index.tolist(), found.b_index.tolist(), strict=True))
    assert len(pairs & truth) >= 0.80 * len(truth)
    assert len(pairs & truth) >= 0.57 * len(pairs)
