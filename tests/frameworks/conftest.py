import pytest
import torch

from roadworthy.core.dataset import Dataset, Split, Task


def rows(x, y, task=Task.NOMINAL, classes=(), features=()):
    """A dataset of which the second half is for testing."""
    half, ids = len(x) // 2, torch.arange(len(x))
    splits = (
        Split("train", x[:half], y[:half], ids[:half]),
        Split("test", x[half:], y[half:], ids[half:]),
    )
    if task != Task.REGRESSION and not classes:
        classes = tuple(str(k) for k in range(int(y.max()) + 1))
    return Dataset("toy", task, classes, splits, features)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def table():
    """Three classes of four numbers."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(120, 4, generator=generator)
    y = (x @ torch.randn(4, 3, generator=generator)).argmax(1)
    return rows(x, y)


@pytest.fixture
def binary(table):
    x = torch.cat([split.x for split in table.splits])
    return rows(x, (x[:, 0] + 0.3 * x[:, 1] > 0).long(), classes=("no", "yes"))


@pytest.fixture
def numbers(table):
    x = torch.cat([split.x for split in table.splits])
    return rows(x, x @ torch.tensor([1.0, -2.0, 0.5, 0.0]) + 3, Task.REGRESSION)


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(40, 1, 6, 6, generator=generator)
    return rows(x, (torch.arange(40) % 3))


@pytest.fixture
def six():
    """Three classes of six numbers."""
    x = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    return rows(x, torch.arange(40) % 3)
