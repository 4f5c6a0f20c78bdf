import torch

from roadworthy.networks.pixel_cnn import PixelCNN


def network(channels=2, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return PixelCNN(channels, levels=5, width=6, blocks=2).requires_grad_(False)


def images(n, channels=2, side=9):
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0))


def test_a_pixel_does_not_depend_on_itself_or_on_those_after_it():
    net, x = network(), images(1)
    before = net(x)
    for row, column in ((0, 0), (0, 8), (4, 4), (8, 0), (8, 8)):
        other = x.clone()
        flat = other.flatten(2)
        flat[:, :, 9 * row + column :] = 1 - flat[:, :, 9 * row + column :]
        after = net(flat.reshape(x.shape))
        kept = before.flatten(3)[..., : 9 * row + column + 1]
        torch.testing.assert_close(after.flatten(3)[..., : 9 * row + column + 1], kept)


def test_a_pixel_depends_on_those_before_it_within_reach():
    net, x = network(), images(1).requires_grad_()
    out = net.requires_grad_(False)(x)[..., 4, 4].square().sum()
    (gradient,) = torch.autograd.grad(out, x)
    reached = gradient[0].abs().amax(0) > 0
    assert net.reach == 5
    assert reached[4, :4].all()
    assert reached[:4, :5].all()
    assert not reached[4, 4:].any()
    assert not reached[5:].any()


def test_probabilities_of_all_images_sum_to_one():
    net = PixelCNN(1, levels=2, width=4, blocks=1).requires_grad_(False)
    bits = (torch.arange(64)[:, None] >> torch.arange(6)) & 1  # all images of 2 × 3 pixels
    likelihood = net.log_likelihood(bits.float().reshape(64, 1, 2, 3)).sum((1, 2, 3)).exp()
    torch.testing.assert_close(likelihood.sum(), torch.tensor(1.0))


def test_one_pixel_alone_is_computed_as_with_all_others():
    net, x = network(), images(3, side=13)
    together = net(x)
    for row in range(13):
        for column in range(13):
            alone = net.at(x, row, column)
            torch.testing.assert_close(alone, together[..., row, column], atol=1e-5, rtol=1e-4)
