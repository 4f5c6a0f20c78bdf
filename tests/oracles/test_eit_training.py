"""Training on transformed images: under the guard's own steps, and what that is worth behind it."""

import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.core.progress import Silent
from roadworthy.guards import EIT
from roadworthy.images.bit_depth import squeezed
from roadworthy.images.crop_rescale import cropped
from roadworthy.images.jpeg import compressed
from roadworthy.recipes import DigitsCNN
from roadworthy.strategies import EITTraining
from roadworthy.training.trained import defended
from tests.guard_subjects import digits


def augmented(strategy, x, seed=0):
    """Give images as one step of the training sees them."""
    data = digits()[0]
    plan = strategy.apply(DigitsCNN().plan(data, data.train, 0), Silent())
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for change in plan.augment:
            x = change(x)
    return x


def test_a_training_step_sees_the_changes_in_their_order():
    x = digits()[2]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        by_hand = compressed(squeezed(cropped(x, 0.75), 3), 30)
    seen = augmented(EITTraining(("crop", "bits", "jpeg"), side=0.75, bits=3, quality=30), x)
    assert torch.equal(seen, by_hand)


@pytest.mark.parametrize("steps", [("crop", "bits", "jpeg", "tv"), ("quilting",)])
def test_it_trains_on_what_a_guard_of_the_same_settings_shows_the_model(steps):
    data, model, x, _ = digits()
    guarded = protect(model, EIT(steps), data)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        answers = guarded(x)
    assert torch.equal(answers, model(augmented(EITTraining(steps), x)))
    assert not torch.equal(
        augmented(EITTraining(steps), x), augmented(EITTraining(steps), x, seed=1)
    )


def test_behind_the_guard_it_is_right_on_more_images():
    data, model, *_ = digits()
    recipe = defended(DigitsCNN(epochs=4), (EITTraining(),))
    retrained = recipe.fit(data, data.train, 0, Silent())
    hits = []
    for each in (model, retrained):
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(0)  # both see the same draws
            hits.append(protect(each, EIT(), data)(data.test.x).argmax(1) == data.test.y)
    gained, lost = int((hits[1] & ~hits[0]).sum()), int((hits[0] & ~hits[1]).sum())
    assert gained > 3 * lost


def test_unknown_steps_are_refused():
    with pytest.raises(InputError, match="steps among crop, bits"):
        augmented(EITTraining(("blur",)), digits()[2])
