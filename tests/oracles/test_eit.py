import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.guards import EIT, JPEG, FeatureSqueezing
from tests.guard_subjects import digits, held, undefended


def test_steps_happen_in_their_order():
    data, model, x, _ = digits()
    for steps in (("bits", "jpeg"), ("jpeg", "bits")):
        by_name = {"bits": FeatureSqueezing(bits=3), "jpeg": JPEG(quality=30)}
        by_hand = model
        for step in reversed(steps):
            by_hand = by_name[step].wrap(by_hand, {})
        guarded = protect(model, EIT(steps=steps, bits=3, quality=30), data)
        assert torch.equal(guarded(x), by_hand.forward(x))


def test_each_step_is_declared_as_what_it_is():
    data, model, *_ = digits()
    spec = protect(model, EIT(), data).spec
    assert spec.stochastic
    assert set(spec.obstacles) == {"bits-4", "jpeg-85", "total-variation-0.5-0.03"}
    crop = protect(model, EIT(steps=("crop",)), data).spec
    assert crop.stochastic
    assert not crop.obstacles
    assert not protect(model, EIT(steps=("bits", "jpeg")), data).spec.stochastic


def test_quilting_brings_its_patches():
    data, model, x, _ = digits()
    guarded = protect(model, EIT(steps=("crop", "quilting"), patches=100), data)
    assert guarded.learned["patches"].shape == (100, 16)
    assert guarded(x).isfinite().all()


def test_unknown_steps_are_refused():
    data, model, *_ = digits()
    for steps in ((), ("crop", "blur")):
        with pytest.raises(InputError, match="steps among crop, bits"):
            protect(model, EIT(steps=steps), data)


def test_it_stops_changes_made_without_it_and_fewer_made_against_it():
    _, static, knowing = held(EIT(), 0.15, rows=30)
    assert static >= undefended(0.15) + 0.2
    assert knowing <= static - 0.1
