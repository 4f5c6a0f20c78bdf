"""Searches for laser beams: this package beside ART's LaserAttack, if installed.

    python benchmarks/laser_beam.py [--out benchmarks/results/laser_beam.json]

Images of 32x32 in color are attacked through a small untrained network, on one thread. ART, which
renders pixel by pixel, attacks a few of them; its seconds per beam are carried over to all. No
search ends early: labels are the network's own and the light is too weak to change them, so each
library renders and asks about as many beams as it is told to.
"""

import argparse
import contextlib
import io
import json
import math
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from torch import nn

from roadworthy.attacks.physical.laser_beam import LaserBeamSearch
from roadworthy.attacks.threats.laser_beam import LaserBeam
from roadworthy.core.dataset import Task
from roadworthy.core.model import Model, ModelSpec, Offer

OUT = Path(__file__).parent / "results" / "laser_beam.json"
SIDE, CLASSES = 32, 10
FAINT = 1e-4  # of a range of 1


class Network(Model):
    def __init__(self):
        offers = frozenset({Offer.LABELS, Offer.SCORES})
        super().__init__(ModelSpec("net", Task.NOMINAL, (3, SIDE, SIDE), CLASSES, offers, "net"))
        torch.manual_seed(0)
        self.module = nn.Sequential(
            *(nn.Conv2d(3, 8, 5, stride=4, padding=2), nn.ReLU(), nn.Flatten()),
            nn.Linear(8 * 64, CLASSES),
        ).requires_grad_(False)

    def forward(self, x):
        return self.module(x)


class ChannelsLast(nn.Module):
    """Lays out images as ART's LaserAttack has them, and counts them."""

    def __init__(self, model):
        super().__init__()
        self.module, self.asked = model.module, 0

    def forward(self, x):
        self.asked += len(x)
        return self.module(x.permute(0, 3, 1, 2).float())  # ART renders in double


def ours(model, x, y, beams):
    attack = LaserBeamSearch(steps=beams // 5, restarts=5)
    result, seconds = timed(lambda: attack(model, x, y, LaserBeam(max_intensity=FAINT)))
    assert not result.success.any(), "a search that ends early is no measure"
    rendered = int(result.forward.sum()) - len(x)  # the first look has no beam
    return {"images": len(x), "beams": rendered, "seconds": seconds}


def art(model, x, y, beams):
    try:
        from art.attacks.evasion import LaserAttack
        from art.estimators.classification import PyTorchClassifier
    except ImportError:
        return None
    if not hasattr(np, "asfarray"):  # ART 1.20.1 still calls what NumPy 2 dropped
        np.asfarray = lambda values: np.asarray(values, np.float64)
    counted = ChannelsLast(model)
    classifier = PyTorchClassifier(
        counted,
        nn.CrossEntropyLoss(),
        (SIDE, SIDE, 3),
        CLASSES,
        clip_values=(0, 1),
        channels_first=False,
    )
    attack = LaserAttack(
        classifier,
        iterations=beams // 2,  # it tries a step both ways
        laser_generator=_generator(),
        image_generator=_faint(),
        random_initializations=1,
    )
    images = x.permute(0, 2, 3, 1).numpy()
    with contextlib.redirect_stderr(io.StringIO()):
        _, seconds = timed(lambda: attack.generate(images, y.numpy()))
    return {"images": len(x), "beams": counted.asked - len(x), "seconds": seconds}


def _generator():
    from art.attacks.evasion.laser_attack.laser_attack import LaserBeam as Beam
    from art.attacks.evasion.laser_attack.laser_attack import LaserBeamGenerator

    return LaserBeamGenerator(
        Beam.from_array([380, 0, 0, 1]), Beam.from_array([780, math.pi, SIDE, 5]), max_step=0.2
    )


def _faint():
    from art.attacks.evasion.laser_attack.utils import ImageGenerator

    class Faint(ImageGenerator):
        def update_image(self, original_image, params):
            lit = super().update_image(original_image, params)
            return original_image + FAINT * (lit - original_image)

    return Faint()


def timed(run):
    before = time.process_time()
    result = run()
    return result, time.process_time() - before


def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--beams", type=int, default=200)
    parser.add_argument("--few", type=int, default=3, help="images that ART attacks")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = Network()
    x = torch.rand(arguments.images, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    y = model(x).argmax(1)
    few = slice(arguments.few)
    runs = {
        "roadworthy": ours(model, x, y, arguments.beams),
        "art": art(model, x[few], y[few], arguments.beams),
    }
    found = {name: run for name, run in runs.items() if run}
    for run in found.values():
        run["microseconds_per_beam"] = round(run["seconds"] / run["beams"] * 1e6, 1)
        run["seconds"] = round(run["seconds"], 3)
    report = {
        "shape": [3, SIDE, SIDE],
        "threads": 1,
        "versions": {
            "python": platform.python_version(),
            **{
                name: installed(name)
                for name in ("roadworthy", "torch", "adversarial-robustness-toolbox")
            },
        },
        "results": found,
    }
    if "art" in found:
        ratio = found["art"]["microseconds_per_beam"] / found["roadworthy"]["microseconds_per_beam"]
        report["times_as_fast"] = round(ratio, 1)
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
