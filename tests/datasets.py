"""Small datasets for tests, and the judging of a check on them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets
import torch

from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.check import Check, needs_of, run_check
from roadworthy.core.dataset import Dataset, Feature, Roles, Split, Task
from roadworthy.core.effort import EFFORTS, Effort
from roadworthy.core.finding import Finding
from roadworthy.core.model import Model
from roadworthy.core.text import to_codes
from tests.models import Logistic

SHARED = Path(__file__).parents[2] / "shared" / "data"


def shared(name: str) -> Path:
    """Give a shared file, or skip the test where it is not there."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def table(
    x: Any,
    y: Any,
    is_test: Any,
    *,
    columns: dict[str, Any] | None = None,
    roles: Roles | None = None,
    names: tuple[str, ...] = (),
    classes: tuple[str, ...] = (),
    task: Task = Task.NOMINAL,
) -> Dataset:
    """Put rows (N, …) of a table, or of images, into a training and a test split."""
    x = torch.as_tensor(np.asarray(x), dtype=torch.float32)
    is_number = task == Task.REGRESSION
    y = torch.as_tensor(np.asarray(y), dtype=torch.float32 if is_number else torch.int64)
    is_test = torch.as_tensor(np.asarray(is_test), dtype=torch.bool)
    columns = {name: np.asarray(values) for name, values in (columns or {}).items()}
    whole = Split("all", x, y, torch.arange(len(x)), columns)
    train = replace(whole.take(~is_test), name="train")
    test = replace(whole.take(is_test), name="test")
    if not is_number:
        classes = classes or tuple(f"class {k}" for k in range(int(y.max()) + 1))
    features = ()
    if x.ndim == 2:
        names = names or tuple(f"column {j}" for j in range(x.shape[1]))
        features = tuple(_feature(*column) for column in zip(names, train.x.T, strict=True))
    return Dataset("test data", task, classes, (train, test), features, roles or Roles())


def texts(words: Any, y: Any, is_test: Any, **more: Any) -> Dataset:
    """Put texts into a training and a test split; the rest is as for `table`."""
    y, is_test = np.asarray(y), np.asarray(is_test)
    data, x = table(np.zeros((len(y), 1)), y, is_test, **more), to_codes(words)
    train, test = (
        replace(split, x=x[torch.from_numpy(is_test == kind)])
        for split, kind in zip(data.splits, (False, True), strict=True)
    )
    return replace(data, splits=(train, test), features=())


def messages(n: int = 400, seed: int = 0, *, noise: float = 0.1) -> Dataset:
    """Notes about cats or cars by writers of two towns; a third are test rows."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % 2
    own = np.where(generator.random(n) < noise, 1 - y, y)
    subjects = (("cat", "kitten", "paw", "purrs", "whiskers"), ("car", "engine", "wheel", "brakes"))
    filler = [f"word{k}" for k in range(40)]
    words = [
        " ".join(
            generator.permutation([*generator.choice(subjects[k], 3), *generator.choice(filler, 6)])
        )
        for k in own
    ]
    columns = {
        "writer": np.arange(n) // 4,
        "town": np.where(generator.random(n) < 0.5, "north", "south"),
        "age": np.where(generator.random(n) < 0.5, "young", "old"),
        "day": generator.permutation(n),
    }
    roles = Roles("writer", "town", "day", ("age",))
    is_test = np.arange(n) // 4 % 3 == 2
    return texts(words, y, is_test, columns=columns, roles=roles, classes=("cats", "cars"))


def _feature(name: str, column: torch.Tensor) -> Feature:
    scale = float(column.std())
    low, high = float(column.min()), float(column.max())
    return Feature(name, low=low, high=high, scale=scale if scale > 0 else 1.0)


def blobs(
    n: int = 400, classes: int = 2, columns: int = 4, apart: float = 3.0, seed: int = 0, **more: Any
) -> Dataset:
    """Gaussian classes, `apart` spreads from the center; a third are test rows."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % classes
    center = generator.normal(size=(classes, columns))
    center *= apart / np.linalg.norm(center, axis=1, keepdims=True)
    x = center[y] + generator.normal(size=(n, columns))
    return table(x, y, np.arange(n) // classes % 3 == 2, **more)


def numbers(n: int = 300, seed: int = 0) -> Dataset:
    """Two columns whose sum, and some noise, is the target of a regression."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 2))
    y = x.sum(1) + generator.normal(size=n)
    return table(x, y, np.arange(n) % 3 == 2, task=Task.REGRESSION)


def builtin(name: str, seed: int = 0) -> Dataset:
    """Give scikit-learn's digits (images), wine or breast-cancer; 30 % are test rows."""
    data = getattr(sklearn.datasets, f"load_{name.replace('-', '_')}")()
    is_test = np.random.default_rng(seed).random(len(data.target)) < 0.3
    if name == "digits":
        return table(data.images[:, None] / 16, data.target, is_test)
    return table(data.data, data.target, is_test, names=tuple(map(str, data.feature_names)))


def judge(
    check: Check,
    dataset: Dataset,
    model: Model | None = None,
    effort: Effort = EFFORTS["standard"],
) -> tuple[Finding, ...]:
    """Judge a dataset with a model, by default one fitted to it; nothing is kept."""
    model = model or Logistic(dataset.train, len(dataset.classes))
    subject = Subject(model, dataset, effort=effort)
    return run_check(check, subject, Bench(subject, Store(None)).get_for(needs_of(check, subject)))
