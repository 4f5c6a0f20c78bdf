"""Not in the package index under a usable name: clone it and put its folder on PYTHONPATH."""

import sys
import types
from functools import partial

from .rows import EPS

NAME = "adversarial-library"

for absent in ("visdom", "torchvision", "torchvision.models"):  # for what is not measured here
    sys.modules.setdefault(absent, types.ModuleType(absent))
sys.modules["torchvision"].models = sys.modules["torchvision.models"]
from adv_lib.attacks import (  # noqa: E402 - it imports what was just stood in for
    carlini_wagner_l2,
    ddn,
    fmn,
    pgd_linf,
    sigma_zero,
)
from adv_lib.attacks.auto_pgd import apgd  # noqa: E402
from adv_lib.attacks.deepfool import df  # noqa: E402


def attacks():
    """Give a function (network, x, y, target) to adversarial images for each row."""
    infinite = float("inf")
    return {
        "PGD 40, L-inf": use(
            pgd_linf, ε=EPS["linf"], steps=40, relative_step_size=0.1, random_init=True
        ),
        "APGD-CE 50, L-inf": use(
            apgd, eps=EPS["linf"], norm=infinite, n_iter=50, loss_function="ce"
        ),
        "DeepFool 50, L2": use(df, steps=50, norm=2, overshoot=0.02),
        "CW 5x100, L2": use(carlini_wagner_l2, binary_search_steps=5, max_iterations=100),
        "DDN 100, L2": use(ddn, steps=100),
        "FMN 100, L2": use(fmn, norm=2, steps=100),
        "FMN 100, L-inf": use(fmn, norm=infinite, steps=100),
        "FMN 100, L1": use(fmn, norm=1, steps=100),
        "FMN 100, L0": use(fmn, norm=0, steps=100),
        "sigma-zero 100, L0": use(sigma_zero, num_steps=100),
    }


def use(attack, **settings):
    """Fix an attack's settings."""
    run = partial(attack, **settings)
    return lambda network, x, y, target: run(network, x, y)
