import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from roadworthy.core import representation
from roadworthy.core.representation import linear_accuracy, neighbor_accuracy, neighbor_votes


def clouds(n, seed, apart=2.0):
    """Rows of three classes, around three corners."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(3, (n,), generator=generator)
    return apart * torch.eye(3, 8)[y] + torch.randn(n, 8, generator=generator), y


def test_votes_are_those_of_a_slow_search():
    (known, y), (z, _) = clouds(90, 0), clouds(20, 1)
    votes = neighbor_votes(known, y, z, 7, 3)
    for row in range(20):
        cosines = torch.cosine_similarity(z[row][None], known)
        best = cosines.argsort(descending=True)[:7]
        expected = torch.zeros(3)
        for place in best:
            expected[y[place]] += (cosines[place] / 0.07).exp()
        assert votes[row].allclose(expected, rtol=1e-4)


@pytest.mark.parametrize("block", [1, 7, 32, 90])
def test_blocks_change_nothing(block, monkeypatch):
    (known, y), (z, _) = clouds(90, 0), clouds(20, 1)
    whole = neighbor_votes(known, y, z, 20, 3)
    monkeypatch.setattr(representation, "BLOCK", block)
    assert neighbor_votes(known, y, z, 20, 3).allclose(whole, rtol=1e-4)


def test_one_neighbor_is_scikit_learns():
    (known, y), (z, truth) = clouds(200, 0), clouds(100, 1)
    theirs = KNeighborsClassifier(1, metric="cosine").fit(known.numpy(), y.numpy())
    expected = theirs.score(z.numpy(), truth.numpy())
    assert neighbor_accuracy(known, y, z, truth, 1).value == pytest.approx(expected)


def test_more_neighbors_than_known_rows_are_all_of_them():
    (known, y), (z, truth) = clouds(5, 0), clouds(40, 1)
    assert neighbor_accuracy(known, y, z, truth, 20).n == 40


def test_embeddings_that_show_the_classes_are_told_from_noise():
    (known, y), (z, truth) = clouds(60, 0, apart=6.0), clouds(200, 1, apart=6.0)
    for found in (
        neighbor_accuracy(known, y, z, truth),
        linear_accuracy(known, y, z, truth, 0),
    ):
        assert found.low > 0.9
    (known, y), (z, truth) = clouds(60, 0, apart=0.0), clouds(200, 1, apart=0.0)
    for found in (
        neighbor_accuracy(known, y, z, truth),
        linear_accuracy(known, y, z, truth, 0),
    ):
        assert found.low < 1 / 3 < found.high + 0.05


def test_a_probe_of_one_row_of_each_class_has_nothing_to_choose_by():
    y = torch.arange(3)
    known = torch.eye(3, 8)
    z, truth = clouds(100, 1, apart=6.0)
    assert linear_accuracy(known, y, z, truth, 0).value > 0.8
