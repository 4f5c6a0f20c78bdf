"""The same networks in torch and in numpy's layout, so that each framework has a twin."""

import torch
from torch import nn

import roadworthy as rw


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3)).eval()


def cnn():
    """A convolution whose images are flattened with channels last, as most frameworks do."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), ChannelsLast(), nn.Linear(64, 3)).eval()


class ChannelsLast(nn.Module):
    def forward(self, x):
        return x.movedim(1, -1).flatten(1)


def arrays(module):
    """Weights by layer; of a linear layer (in, out), of a convolution (H, W, in, out)."""
    found = []
    for part in module:
        if hasattr(part, "weight"):
            weight = part.weight.detach()
            turned = weight.T if weight.ndim == 2 else weight.permute(2, 3, 1, 0)
            found.append((turned.contiguous().numpy(), part.bias.detach().numpy()))
    return found


def assert_same(model, twin, x):
    """Outputs, gradients and passes are those of the twin."""
    x = x.clone().requires_grad_()
    towards = torch.randn(len(x), 3, generator=torch.Generator().manual_seed(1))
    before = model.passes.backward
    outputs, expected = model(x), twin(x)
    (gradient,) = torch.autograd.grad(outputs, x, towards)
    (wanted,) = torch.autograd.grad(expected, x, towards)
    assert torch.allclose(outputs, expected, atol=1e-5)
    assert torch.allclose(gradient, wanted, atol=1e-5)
    assert model.passes.backward == before + len(x)


def robust_accuracy(model, dataset, eps):
    test = dataset.test
    result = rw.run_attack(rw.attacks.PGD(steps=10), model, test.x, test.y, rw.Ball("linf", eps))
    return float((~result.success).float().mean())
