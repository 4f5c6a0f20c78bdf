import torch
from torch.nn.functional import interpolate, pad

from roadworthy.guards import RandomResize
from tests.guard_subjects import held, undefended


def seeded(guard, x, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return guard.resized(x)


def all_ways(image, least):
    """List an image (1, C, H, W) at each size and place."""
    side = image.shape[-1]
    ways = []
    for size in range(least, side + 1):
        small = interpolate(image, size=(size, size), mode="bilinear", align_corners=False)
        for top in range(side - size + 1):
            for left in range(side - size + 1):
                after = side - size
                ways.append(pad(small, (left, after - left, top, after - top)))
    return torch.cat(ways)


def test_each_result_is_one_of_the_sizes_and_places_and_all_occur():
    image = torch.rand(1, 2, 10, 10, generator=torch.Generator().manual_seed(0)) + 0.1
    ways = all_ways(image, 8)
    assert len(ways) == 1 + 4 + 9
    drawn = seeded(RandomResize(smallest=0.8), image.repeat(400, 1, 1, 1))
    assert drawn.shape == (400, 2, 10, 10)
    off = (drawn[:, None] - ways[None]).abs().flatten(2).amax(2)
    assert off.amin(1).max() <= 1e-5
    assert off.argmin(1).unique().tolist() == list(range(14))


def test_images_that_are_not_square_keep_their_proportions():
    x = torch.ones(200, 1, 6, 12)
    drawn = seeded(RandomResize(smallest=0.5), x)
    sides = torch.stack([drawn.amax((1, 2)).sum(1), drawn.amax((1, 3)).sum(1)], 1)
    assert sides[:, 0].unique().tolist() == list(range(6, 13))
    assert torch.equal(sides[:, 1], (sides[:, 0] / 2).round())


def test_the_gradient_is_the_transposed_step():
    shape, guard = (3, 1, 6, 6), RandomResize(smallest=0.6)
    units = torch.eye(36, dtype=torch.float64).reshape(36, 1, 1, 6, 6)
    matrix = torch.stack([seeded(guard, u.expand(shape)).flatten(1) for u in units], 2)
    x = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(shape, dtype=torch.float64)
    (seeded(guard, x) * weights).sum().backward()
    expected = torch.einsum("noi,no->ni", matrix, weights.flatten(1))
    torch.testing.assert_close(x.grad.flatten(1), expected, atol=1e-6, rtol=0)


def test_changes_made_without_it_miss_more_often_than_those_made_against_it():
    _, static, knowing = held(RandomResize(), 0.2, rows=30)
    assert static >= undefended(0.2) + 0.05
    assert knowing <= 0.03
