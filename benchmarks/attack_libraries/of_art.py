import warnings

import numpy as np
import torch
from art.attacks import evasion
from art.estimators.classification import PyTorchClassifier

from .rows import EPS

NAME = "art"


class Cast(torch.nn.Module):
    """Casts inputs: as shipped, its decision-based attacks mix double and float and stop."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x.float())


def attacks():
    """Give a function (network, x, y, target) to adversarial images for each row."""
    return {
        "FGSM, L-inf": use(lambda c, t: evasion.FastGradientMethod(c, eps=EPS["linf"])),
        "PGD 40, L-inf": use(lambda c, t: pgd(c, np.inf, EPS["linf"])),
        "PGD 40, L2": use(lambda c, t: pgd(c, 2, EPS["l2"])),
        "APGD-CE 50, L-inf": use(
            lambda c, t: evasion.AutoProjectedGradientDescent(
                c, eps=EPS["linf"], eps_step=2 * EPS["linf"], max_iter=50, nb_random_init=1,
                loss_type="cross_entropy", batch_size=512, verbose=False,
            )
        ),
        "Square 500, L-inf": use(
            lambda c, t: evasion.SquareAttack(
                c, eps=EPS["linf"], max_iter=500, batch_size=512, verbose=False
            )
        ),
        "DeepFool 50, L2": use(
            lambda c, t: evasion.DeepFool(
                c, max_iter=50, epsilon=0.02, nb_grads=10, batch_size=512, verbose=False
            )
        ),
        "CW 5x100, L2": use(
            lambda c, t: evasion.CarliniL2Method(
                c, binary_search_steps=5, max_iter=100, batch_size=512, verbose=False
            )
        ),
        "JSMA, L0": use(
            lambda c, t: evasion.SaliencyMapMethod(
                c, theta=1.0, gamma=0.2, batch_size=512, verbose=False
            )
        ),
        "HopSkipJump 2500, L2": use(
            lambda c, t: evasion.HopSkipJump(c, max_iter=10, norm=2, batch_size=512, verbose=False)
        ),
        "Boundary 600, L2": use(
            lambda c, t: evasion.BoundaryAttack(
                c, targeted=False, max_iter=12, num_trial=25, sample_size=20, verbose=False
            )
        ),
    }  # fmt: skip


def pgd(classifier, norm, eps):
    return evasion.ProjectedGradientDescentPyTorch(
        classifier, norm=norm, eps=eps, eps_step=eps / 10, max_iter=40, num_random_init=1,
        batch_size=512, verbose=False,
    )  # fmt: skip


def use(make):
    """Set an attack up on a classifier and run it on arrays."""

    def run(network, x, y, target):
        classifier = PyTorchClassifier(
            Cast(network).eval(), torch.nn.CrossEntropyLoss(), (1, 28, 28), 10,
            clip_values=(0.0, 1.0), device_type="cpu",
        )  # fmt: skip
        np.random.seed(0)
        attack = make(classifier, target)
        labels = y if target is None else target
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = attack.generate(x.numpy(), y=np.eye(10, dtype=np.float32)[labels.numpy()])
        return torch.from_numpy(np.asarray(found, dtype=np.float32))

    return run
