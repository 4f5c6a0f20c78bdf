"""Attacks at equal steps: this package beside foolbox and adversarial-library, if installed.

    python benchmarks/attacks.py [--data ../shared/data] [--out benchmarks/results/attacks.json]

A small CNN is trained on MNIST here. The first test images that it gets right are attacked by all,
on one thread, one after the other, three times in turn; the least seconds of the three count.
`floor` is what as many passes through the network cost in a plain loop, measured in the same round:
seconds over floor is what an attack adds of its own. Norms are medians over the images on which an
attack succeeded, so they compare only at like success. Every success is judged here, by one code.
"""

import argparse
import json
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from torch import nn

from roadworthy.attacks.evasion.ddn import DDN
from roadworthy.attacks.evasion.fgsm import FGSM
from roadworthy.attacks.evasion.fmn import FMN
from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.attacks.evasion.square import Square
from roadworthy.core.dataset import Task
from roadworthy.core.model import Model, ModelSpec, Offer
from roadworthy.core.threat import Ball

DATA = Path(__file__).parents[2] / "shared" / "data"
OUT = Path(__file__).parent / "results" / "attacks.json"
EPS = {"linf": 0.1, "l2": 1.5}
STEPS = {"fgsm": 1, "pgd": 40, "fmn": 100, "ddn": 100, "square": 500}
ROUNDS = 3


class Counted(nn.Module):
    """Counts the images that pass through a network, forward and backward."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.forward_passes = self.backward_passes = 0

    def forward(self, x):
        self.forward_passes += len(x)
        logits = self.network(x)
        if logits.requires_grad:
            logits.register_hook(self.count)
        return logits

    def count(self, gradient):
        self.backward_passes += len(gradient)


class Wrapped(Model):
    def __init__(self, network):
        offers = frozenset({Offer.LABELS, Offer.SCORES, Offer.GRADIENTS})
        super().__init__(ModelSpec("cnn", Task.NOMINAL, (1, 28, 28), 10, offers, "cnn"))
        self.network = network

    def forward(self, x):
        return self.network(x)


def train(x, y, epochs=3):
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.ReLU()),
        *(nn.Conv2d(16, 32, 5, stride=2, padding=2), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(network(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval().requires_grad_(False)


def images(data, split, count):
    with np.load(data / "mnist.npz") as arrays:
        x = torch.tensor(arrays[f"x_{split}"][:count]).float()[:, None] / 255
        return x, torch.tensor(arrays[f"y_{split}"][:count]).long()


def our_attacks(norm):
    kinds = {"fgsm": FGSM, "pgd": PGD, "fmn": FMN, "ddn": DDN, "square": Square}
    for name, kind in kinds.items():
        if norm in kind.threats:
            attack = kind() if name == "fgsm" else kind(steps=STEPS[name])
            yield name, lambda net, x, y, a=attack: a(Wrapped(net), x, y, Ball(norm, EPS[norm])).x


def foolbox_attacks(norm):
    try:
        import foolbox
    except ImportError:
        return
    of = foolbox.attacks
    kinds = {
        "linf": {
            "fgsm": of.LinfFastGradientAttack(),
            "pgd": of.LinfPGD(steps=STEPS["pgd"], rel_stepsize=0.1),
            "fmn": of.LInfFMNAttack(steps=STEPS["fmn"]),
        },
        "l2": {
            "fgsm": of.L2FastGradientAttack(),
            "pgd": of.L2PGD(steps=STEPS["pgd"], rel_stepsize=0.1),
            "fmn": of.L2FMNAttack(steps=STEPS["fmn"]),
            "ddn": of.DDNAttack(steps=STEPS["ddn"]),
        },
    }
    for name, attack in kinds[norm].items():
        eps = None if name in ("fmn", "ddn") else EPS[norm]
        yield (
            name,
            lambda net, x, y, a=attack, e=eps: a(
                foolbox.PyTorchModel(net, bounds=(0, 1)), x, y, epsilons=e
            )[1],
        )


def adversarial_library_attacks(norm):
    try:
        from adv_lib.attacks import ddn, fmn
    except ImportError:
        return
    order = {"linf": float("inf"), "l2": 2}[norm]
    yield "fmn", lambda net, x, y: fmn(net, x, y, norm=order, steps=STEPS["fmn"])
    if norm == "l2":
        yield "ddn", lambda net, x, y: ddn(net, x, y, steps=STEPS["ddn"])


LIBRARIES = {
    "roadworthy": our_attacks,
    "foolbox": foolbox_attacks,
    "adversarial-library": adversarial_library_attacks,
}


def timed(run):
    before = time.process_time()
    result = run()
    return result, time.process_time() - before


def measure(attack, norm, network, x, y):
    counted = Counted(network).eval()
    torch.manual_seed(0)
    adversarial, seconds = timed(lambda: attack(counted, x, y))
    with torch.no_grad():
        is_wrong = network(adversarial).argmax(1) != y
    is_inside = ((adversarial >= 0) & (adversarial <= 1)).flatten(1).all(1)
    length = (adversarial - x).flatten(1).norm(p=float("inf") if norm == "linf" else 2, dim=1)
    success = is_wrong & is_inside
    return {
        "success": round(float(success.double().mean()), 4),
        "median_norm": round(float(length[success].median()), 5) if success.any() else None,
        "forward_per_image": round(counted.forward_passes / len(x), 2),
        "backward_per_image": round(counted.backward_passes / len(x), 2),
        "seconds": seconds,
    }


def floor(network, x, y, count=20):
    """Seconds per image of a forward and of a backward pass."""

    def forward():
        with torch.no_grad():
            for _ in range(count):
                network(x)

    def both():
        for _ in range(count):
            inputs = x.clone().requires_grad_()
            torch.autograd.grad(network(inputs).sum(), inputs)

    forward(), both()
    one, two = (timed(run)[1] / count / len(x) for run in (forward, both))
    return one, two - one


def compare(network, x, y):
    results = {}
    for _ in range(ROUNDS):
        passes = floor(network, x, y)
        for norm in ("linf", "l2"):
            for library, attacks in LIBRARIES.items():
                for name, attack in attacks(norm):
                    found = measure(attack, norm, network, x, y)
                    forward, backward = found["forward_per_image"], found["backward_per_image"]
                    least = (forward * passes[0] + backward * passes[1]) * len(x)
                    found["seconds_over_floor"] = round(found["seconds"] / least, 2)
                    found["seconds"] = round(found["seconds"], 3)
                    key = f"{name} {norm}", library
                    before = results.setdefault(key[0], {}).get(library)
                    if before is None or found["seconds"] < before["seconds"]:
                        results[key[0]][library] = found
    return results


def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--images", type=int, default=200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = train(*images(arguments.data, "train", 60_000))
    x, y = images(arguments.data, "test", 2000)
    with torch.no_grad():
        is_right = network(x).argmax(1) == y
    rows = is_right.nonzero()[: arguments.images, 0]
    report = {
        "network": "CNN of two convolutions and two linear layers, MNIST, 3 epochs",
        "accuracy_on_2000": float(is_right.double().mean()),
        "images": len(rows),
        "eps": EPS,
        "steps": STEPS,
        "threads": 1,
        "versions": {
            "python": platform.python_version(),
            **{name: installed(name) for name in ("roadworthy", "torch", "foolbox", "adv_lib")},
        },
        "results": compare(network, x[rows], y[rows]),
    }
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    for attack, found in report["results"].items():
        for library, numbers in found.items():
            print(f"{attack:12} {library:20} {numbers}")


if __name__ == "__main__":
    main()
