import torch
from torch.nn.functional import interpolate

from roadworthy.core.guard import protect
from roadworthy.guards import CropRescale
from roadworthy.images.crop_rescale import cropped
from tests.guard_subjects import digits, held


def test_each_result_is_one_of_the_crops_and_all_occur():
    image = torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    crops = [image[:, :, top : top + 6, left : left + 6] for top in range(3) for left in range(3)]
    ways = interpolate(torch.cat(crops), size=(8, 8), mode="bilinear", align_corners=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = cropped(image.repeat(200, 1, 1, 1), 0.75)
    off = (drawn[:, None] - ways[None]).abs().flatten(2).amax(2)
    assert off.amin(1).max() <= 1e-5
    assert off.argmin(1).unique().tolist() == list(range(9))


def test_a_crop_of_the_whole_image_is_not_random_and_changes_nothing():
    data, model, x, _ = digits()
    guarded = protect(model, CropRescale(side=1.0), data)
    assert not guarded.spec.stochastic
    torch.testing.assert_close(guarded(x), model(x))


def test_an_attack_that_knows_of_it_beats_almost_all():
    assert held(CropRescale(), 0.2, rows=30)[2] <= 0.1
