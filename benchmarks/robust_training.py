"""Adversarial training and TRADES at their papers' radius, judged by the whole of AutoAttack.

python benchmarks/robust_training.py                       all, some five hours on one core
python benchmarks/robust_training.py --only trades         those, merged into the kept results

MNIST, L-inf 0.3, all 60,000 training images and the first 1,000 test images, two convolutions and
two linear layers as in the papers. Madry et al. train for 100,000 steps of 50 images; what is
trained here is said in the results.
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "results" / "robust_training.json"
EPS = 0.3
TEST = 1000


def mnist(folder, n):
    import numpy as np
    import torch

    import roadworthy as rw

    with np.load(next(folder.rglob("mnist.npz"))) as arrays:
        x, y, test_x, test_y = (arrays[f"{a}_{b}"] for b in ("train", "test") for a in ("x", "y"))

    def images(array):
        return torch.tensor(array).float()[:, None] / 255

    def classes(array):
        return torch.tensor(array).long()

    test = (images(test_x[:TEST]), classes(test_y[:TEST]))
    return rw.make_dataset(images(x[:n]), classes(y[:n]), test=test, name="MNIST")


def trainings():
    """Give strategies, and for how many epochs each is trained."""
    from roadworthy.strategies import TRADES, AdversarialTraining

    plain = {"eps": EPS, "steps": 10, "step": 0.25, "warm_up": 0.3}
    return (
        (AdversarialTraining(**{**plain, "steps": 20, "step": 0.1}), 9),
        (AdversarialTraining(**{**plain, "eps": 0.33}), 14),
        (AdversarialTraining(**plain), 14),
        (AdversarialTraining(**plain), 24),
        (TRADES(**plain), 14),
        (TRADES(**plain), 24),
    )


def share(right):
    from roadworthy.core.estimates import proportion

    found = proportion("share", int(right.sum()), len(right))
    return [found.value, found.low, found.high]


def measure(data, strategy, recipe):
    """Train by a strategy and judge; gives one row."""
    import torch

    import roadworthy as rw
    from roadworthy.core.progress import Silent
    from roadworthy.training.trained import defended

    x, y = data.test.x, data.test.y
    started = time.process_time()
    model = defended(recipe, (strategy,)).fit(data, data.train, 0, Silent())
    seconds = time.process_time() - started
    with torch.no_grad():
        right = model(x).argmax(1) == y
    threat, limits = rw.Ball("linf", EPS), rw.Limits(batch=250)
    pgd = rw.run_attack(rw.attacks.PGD(steps=40), model, x, y, threat, limits=limits)
    started = time.process_time()
    whole = rw.run_attack(rw.attacks.AutoAttack(), model, x, y, threat, limits=limits)
    return {
        "training": strategy.card.name,
        "settings": asdict(strategy),
        "recipe": asdict(recipe),
        "images": len(data.train),
        "weights": sum(part.numel() for part in model.inner.module.parameters()),
        "clean": share(right),
        "pgd": share(~pgd.success),
        "auto_attack": share(~whole.success),
        "training_seconds": seconds,
        "attack_seconds": time.process_time() - started,
    }


def asked(row):
    """Give what a row is of, and not what came of it."""
    return [row[name] for name in ("training", "settings", "recipe")]


def main():
    import torch

    from roadworthy.recipes import StridedCNN

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--width", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = mnist(arguments.data, arguments.images)
    recipe = StridedCNN(width=arguments.width, hidden=200, batch=128, rate=2e-3)
    kept = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
    for strategy, epochs in trainings():
        name = strategy.card.name
        if arguments.only and name not in arguments.only:
            continue
        row = measure(data, strategy, replace(recipe, epochs=epochs))
        kept = [*(old for old in kept if asked(old) != asked(row)), row]
        arguments.out.parent.mkdir(exist_ok=True)
        arguments.out.write_text(json.dumps(kept, indent=2) + "\n")
        shares = [f"{key} {row[key][0]:.3f}" for key in ("clean", "pgd", "auto_attack")]
        print(name, *shares, f"{row['training_seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
