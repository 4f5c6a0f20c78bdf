from roadworthy.attacks import ATTACKS
from roadworthy.core.dataset import Task
from roadworthy.core.driver import Limits, run_attack
from roadworthy.core.model import Model, ModelSpec, Offer
from roadworthy.core.threat import Ball

from .rows import EPS

NAME = "roadworthy"
# row: attack, its settings, and limits where a row counts queries
SETTINGS = {
    "FGSM, L-inf": ("fgsm", {}, None),
    "PGD 40, L-inf": ("pgd", {"steps": 40}, None),
    "PGD 40, L2": ("pgd", {"steps": 40}, None),
    "APGD-CE 50, L-inf": ("apgd", {"steps": 50}, None),
    "Square 500, L-inf": ("square", {"queries": 500}, None),
    "AutoAttack standard, L-inf": ("auto-attack", {}, None),
    "DeepFool 50, L2": ("deepfool", {"steps": 50}, None),
    "CW 5x100, L2": ("cw", {"steps": 500, "searches": 5}, None),
    "DDN 100, L2": ("ddn", {"steps": 100}, None),
    "FMN 100, L2": ("fmn", {"steps": 100}, None),
    "FMN 100, L-inf": ("fmn", {"steps": 100}, None),
    "FMN 100, L1": ("fmn", {"steps": 100}, None),
    "FMN 100, L0": ("fmn", {"steps": 100}, None),
    "sigma-zero 100, L0": ("sigma-zero", {"steps": 100}, None),
    "EAD 5x100, L1": ("ead", {"steps": 500, "searches": 5}, None),
    "JSMA, L0": ("jsma", {}, None),
    "HopSkipJump 2500, L2": ("hop-skip-jump", {}, 2500),
    "Boundary 600, L2": ("boundary", {}, 600),
}


class Wrapped(Model):
    """The network as a model, without an adapter's own work."""

    def __init__(self, network):
        offers = frozenset({Offer.LABELS, Offer.SCORES, Offer.GRADIENTS})
        super().__init__(ModelSpec("cnn", Task.NOMINAL, (1, 28, 28), 10, offers, "cnn"))
        self.network = network

    def forward(self, x):
        return self.network(x)


def attacks():
    """Give a function (network, x, y, target) to adversarial images for each row."""
    return {
        row: runner(row, *settings) for row, settings in SETTINGS.items() if settings[0] in ATTACKS
    }


def runner(row, name, settings, queries):
    """Set an attack up outside of what is timed."""
    norm = {"L-inf": "linf", "L2": "l2", "L1": "l1", "L0": "l0"}[row.rpartition(", ")[2]]
    kind = ATTACKS.get(name)
    threat = Ball(norm, EPS.get(norm, 784.0))

    def run(network, x, y, target):
        attack, limits = kind(**settings), Limits(queries=queries)
        return run_attack(attack, Wrapped(network), x, y, threat, target=target, limits=limits).x

    return run
