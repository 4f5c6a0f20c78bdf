import numpy as np
import polars as pl
import torch

from roadworthy.artifacts.outlier_scores import NEIGHBORS, far_from
from roadworthy.core.text import to_codes
from roadworthy.sources import make_dataset

WORDS = ["see", "you", "at", "home", "tonight", "call", "me", "later", "dinner", "is", "ready"]


def texts(n, seed):
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, generator.integers(3, 9))) for _ in range(n)]


def runs(text):
    padded = f" {text} "
    return {padded[k : k + 3] for k in range(len(text))}


def test_texts_are_as_far_as_the_fifth_nearest_by_all_pairs():
    known, asked = texts(30, 0), [*texts(20, 1), "ok", "", "Ring mich an"]
    frame = {"text": known + asked, "y": ["a", "b"] * 26 + ["a"]}
    data = make_dataset(pl.DataFrame(frame), "y", text="text")
    codes = to_codes(known + asked).split([len(known), len(asked)])
    ((far, column),) = far_from(data, *codes)
    expected = []
    for text in asked:
        own = runs(text.casefold())
        alike = [
            len(own & runs(other)) / max(1, len(own) * len(runs(other))) ** 0.5 for other in known
        ]
        expected.append(1 - sorted(alike)[-NEIGHBORS])
    assert np.allclose(far.numpy(), expected)
    assert torch.equal(column, torch.full((len(asked),), -1))
