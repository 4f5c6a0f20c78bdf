"""The reference of AutoAttack. Not in the package index: clone it, put its folder on PYTHONPATH."""

from autoattack import AutoAttack
from autoattack.autopgd_base import APGDAttack
from autoattack.square import SquareAttack

from .rows import EPS

NAME = "auto-attack"


def attacks():
    """Give a function (network, x, y, target) to adversarial images for each row."""
    return {
        "APGD-CE 50, L-inf": lambda network, x, y, target: APGDAttack(
            network, n_restarts=1, n_iter=50, eps=EPS["linf"], norm="Linf", seed=0, device="cpu"
        ).perturb(x, y),
        "Square 500, L-inf": lambda network, x, y, target: SquareAttack(
            network, p_init=0.8, n_queries=500, eps=EPS["linf"], norm="Linf", seed=0, device="cpu",
            resc_schedule=True,
        ).perturb(x, y),
        "AutoAttack standard, L-inf": lambda network, x, y, target: AutoAttack(
            network, norm="Linf", eps=EPS["linf"], version="standard", device="cpu", seed=0,
            verbose=False,
        ).run_standard_evaluation(x, y, bs=200),
    }  # fmt: skip
