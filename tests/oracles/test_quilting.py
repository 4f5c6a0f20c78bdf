import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.guards import Quilting
from roadworthy.images.quilts import Quilts
from tests.guard_subjects import digits, held


def test_patches_are_those_of_training_images():
    data, model, *_ = digits()
    learned = protect(model, Quilting(patches=50), data).learned["patches"]
    windows = data.train.x.unfold(2, 4, 1).unfold(3, 4, 1).permute(0, 2, 3, 1, 4, 5)
    apart = torch.cdist(learned, windows.reshape(-1, 16))
    assert learned.shape == (50, 16)
    assert apart.amin(1).max() <= 1e-3


def test_an_image_made_of_its_patches_is_left_alone():
    x = torch.rand(2, 3, 7, 10, generator=torch.Generator().manual_seed(0))
    wide = torch.nn.functional.pad(x, (0, 0, 0, 1), mode="replicate")
    patches = wide.unfold(2, 4, 1).unfold(3, 4, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 48)
    torch.testing.assert_close(Quilts(neighbors=1).quilted(x, patches), x)


def test_patches_side_by_side_are_the_nearest_ones():
    x = torch.tensor([[0.1, 0.2, 0.9, 0.8], [0.1, 0.2, 0.9, 0.8]]).reshape(1, 1, 2, 4)
    patches = torch.tensor([[0.0] * 4, [1.0] * 4, [0.5] * 4])
    quilted = Quilts(patch=2, overlap=0, neighbors=1).quilted(x, patches)
    assert torch.equal(quilted, torch.tensor([[[[0.0, 0, 1, 1], [0, 0, 1, 1]]]]))


def test_one_of_the_nearest_is_drawn():
    x, patches = torch.zeros(200, 1, 2, 2), torch.tensor([[0.1] * 4, [0.2] * 4, [0.9] * 4])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        quilted = Quilts(patch=2, overlap=0, neighbors=2).quilted(x, patches)
    drawn = (quilted[:, 0, 0, 0] > 0.15).double().mean()
    assert quilted.amax() <= 0.2
    assert 0.35 <= drawn <= 0.65  # 4 standard errors of a half of 200


def test_patches_that_do_not_fit_are_refused():
    data, model, *_ = digits()
    for wrong in (Quilting(patch=9), Quilting(patch=4, overlap=4)):
        with pytest.raises(InputError, match="1 to 8 pixels"):
            protect(model, wrong, data)


def test_an_attack_that_knows_of_it_beats_more_than_one_that_does_not():
    _, static, knowing = held(Quilting(), 0.2, rows=30)
    assert knowing <= static - 0.2
