"""Smoothing against patches: certificates against every patch and every vote that it can buy."""

from itertools import product

import pytest
import torch

from roadworthy.attacks import AdversarialPatch
from roadworthy.core.dataset import Task
from roadworthy.core.driver import run_attack
from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.core.progress import Silent
from roadworthy.guards import PatchSmoothing
from roadworthy.recipes import MLP
from roadworthy.strategies import BandAblation
from roadworthy.training.trained import defended
from roadworthy.verification.bands import MISSING, certified_against_patches, keep_band
from tests.datasets import builtin
from tests.toy_data import toy


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def touched(columns, size, width):
    """List for each place of a patch the bands that share a column with it."""
    for place in range(columns - size + 1):
        patch = set(range(place, place + size))
        yield [s for s in range(columns) if patch & {(s + k) % columns for k in range(width)}]


def winner(votes):
    return int(votes.sum(0).argmax())  # the first of equals


def is_safe(votes, y, size, width):
    """Try all votes of the touched bands, at every place."""
    columns, classes = votes.shape
    for bands in touched(columns, size, width):
        for bought in product((False, True), repeat=len(bands) * classes):
            changed = votes.clone()
            changed[bands] = torch.tensor(bought).reshape(len(bands), classes)
            if winner(changed) != y:
                return False
    return True


@pytest.mark.parametrize(
    ("columns", "size", "width", "classes"),
    [(5, 1, 1, 3), (6, 1, 2, 3), (7, 2, 2, 2), (6, 2, 1, 3), (7, 1, 3, 2)],
)
def test_certificates_are_those_of_trying_every_patch_and_vote(columns, size, width, classes):
    generator = torch.Generator().manual_seed(0)
    votes = torch.rand(24, columns, classes, generator=generator) < 0.2
    y = torch.arange(24) % classes
    votes[torch.arange(24), :, y] |= torch.rand(24, columns, generator=generator) < 0.9
    ours = certified_against_patches(votes, y, size, width)
    truth = [is_safe(votes[k], int(y[k]), size, width) for k in range(24)]
    assert ours.tolist() == truth
    assert any(truth)
    assert not all(truth)


def test_never_less_is_certified_than_by_the_papers_theorem():
    generator = torch.Generator().manual_seed(1)
    votes = torch.rand(500, 12, 3, generator=generator) < 0.2
    votes[:, :, 0] |= torch.rand(500, 12, generator=generator) < 0.8
    y, (size, width) = torch.zeros(500).long(), (2, 2)
    counts = votes.sum(1)
    theorem = counts[:, 0] >= counts[:, 1:].amax(1) + 2 * (size + width - 1)
    ours = certified_against_patches(votes, y, size, width)
    assert (ours | ~theorem).all()
    assert theorem.any()


def test_a_band_goes_around_the_edge_and_the_rest_is_grey():
    x = torch.arange(4.0).expand(1, 1, 2, 4)
    kept = keep_band(x, torch.tensor([3]), 2)
    assert kept[0, 0, 0].tolist() == [0.0, MISSING, MISSING, 3.0]


def trained():
    data = builtin("digits")
    model = defended(MLP(), (BandAblation(3),)).fit(data, data.train, 0, Silent())
    return data, model


def test_certified_accuracy_never_exceeds_the_accuracy_under_patches():
    (data, model), guard, size = trained(), PatchSmoothing(3), 1
    guarded = protect(model, guard, data)
    x, y = data.test.x[:60], data.test.y[:60]
    proven = guard.certify(model, x, y, size)
    right = guarded(x).argmax(1) == y
    assert right.double().mean() > 0.8
    assert 0.2 < proven.double().mean() <= right.double().mean()
    generator = torch.Generator().manual_seed(0)
    for place, _ in product(range(8 - size + 1), range(4)):
        patched = x.clone()
        patched[..., place : place + size] = torch.rand(60, 1, 8, size, generator=generator).round()
        right &= guarded(patched).argmax(1) == y
    assert (right | ~proven).all()


def test_no_patch_of_an_attack_breaks_a_certificate():
    from roadworthy.attacks.threats.patch import Patch

    (data, model), guard = trained(), PatchSmoothing(3)
    x, y = data.test.x[:40], data.test.y[:40]
    # upright, and narrower than two columns: with smooth edges it covers three at most
    threat = Patch(side=2, max_scale=0.2, max_angle=0.0)
    result = run_attack(AdversarialPatch(steps=30), protect(model, guard, data), x, y, threat)
    covered = ((result.x - x).abs().amax((1, 2)) > 0).sum(1)
    assert covered.max() <= 3
    proven = guard.certify(model, x, y, 3)
    assert not (proven & result.success).any()


def test_a_band_wider_than_the_image_is_refused():
    data = toy(Task.NOMINAL, "image")
    model = MLP(epochs=1).fit(data, data.train, 0, Silent())
    with pytest.raises(InputError, match="1 to 8 columns"):
        protect(model, PatchSmoothing(9), data)
    with pytest.raises(InputError, match="1 to 8 columns"):
        defended(MLP(epochs=1), (BandAblation(0),)).fit(data, data.train, 0, Silent())
