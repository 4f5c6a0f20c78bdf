"""Defenses on MNIST: what they gain against an attacker who does not know of them and one who does.

python benchmarks/defenses.py                        all of them, some hours on two cores
python benchmarks/defenses.py --only jpeg trades     those, merged into the kept results
python benchmarks/defenses.py --only trades@0.1      at another radius than 0.2
python benchmarks/defenses.py --training             time per epoch, beside a bare loop and ART
python benchmarks/defenses.py --smoothing            time per certificate, see `smoothing_time.py`

*Static*: of a guard, PGD on the model without it; of a strategy, PGD on the plain model, carried
over. *Adaptive*: the worst case of PGD, Auto-PGD on two losses, the latter aimed at every class,
Square, and the static errors, all through BPDA and EOT where the model declares a need. *Gain that
holds*: adaptive accuracy beyond that of the plain model. A defense holds where that keeps three
quarters of the static gain, and partly where it is no chance.
"""

import argparse
import json
import time
from dataclasses import fields
from pathlib import Path

from smoothing_time import smoothing

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "results" / "defenses.json"
EPS = 0.2  # far beyond the plain model: what only moves its errors a little gains nothing
TRAIN, TEST, QUERIES = 6000, 100, 500
HOLDS = 0.75  # of the static gain: from there on a defense holds
# settings that suit this radius and network, by the defense's name
SETTINGS = {
    "randomized-smoothing": {"draws": 20},
    "region-based": {"points": 20},
    "pixel-defend": {"eps": 0.1, "width": 16, "images": 1000, "epochs": 5},
    "gradient-regularization": {"weight": 1.0},
}
# how many images, of defenses that make a pass slow
FEW = {
    **{"pixel-defend": 20, "region-based": 50, "randomized-smoothing": 20, "eit": 20},
    "eit-training+eit": 20,
}
# no remedies of attacks by their cards, but in the table, or said to be
SHOWN = (
    *("label-smoothing", "gaussian-augmentation", "defensive-distillation", "thermometer"),
    *("awp", "augmix", "eit-training+eit", "gradient-regularization@0.1"),
)


def mnist(folder):
    import numpy as np
    import torch

    import roadworthy as rw

    path = next(folder.rglob("mnist.npz"))
    with np.load(path) as arrays:
        x, y = arrays["x_train"][:TRAIN], arrays["y_train"][:TRAIN]
        test = arrays["x_test"][:TEST], arrays["y_test"][:TEST]

    def images(array):
        return torch.tensor(array).float()[:, None] / 255

    def classes(array):
        return torch.tensor(array).long()

    return rw.make_dataset(
        images(x), classes(y), test=(images(test[0]), classes(test[1])), name="MNIST"
    )


def settled(defense, eps):
    """Give a defense with the radius that it is attacked at."""
    from roadworthy.training.strategy import Strategy

    given = dict(SETTINGS.get(defense.card.name, {}))
    has_radius = "eps" in {part.name for part in fields(defense)}
    if has_radius and issubclass(defense, Strategy):  # a guard's radius is another
        given["eps"] = eps
    return defense(**given)


def attacked(model, plain, x, y, eps=EPS):
    """Say which images (N,) stay right under the static and under the adaptive attacks."""
    import roadworthy as rw

    threat, limits = rw.Ball("linf", eps), rw.Limits(batch=100)
    static = rw.run_attack(rw.attacks.PGD(), model, x, y, threat, surrogate=plain, limits=limits)
    stands = ~static.success
    is_slow = model.spec.stochastic or len(x) < TEST  # each step of a random model is ten
    steps = 50 if is_slow else 100
    attacks = (
        rw.attacks.PGD(),
        rw.attacks.APGD(steps),
        rw.attacks.APGD(steps, loss="dlr", targets=1 if is_slow else 9),
        rw.attacks.Square(queries=QUERIES),
    )
    for attack in attacks:
        rows = stands.nonzero()[:, 0]
        if len(rows):
            found = rw.run_attack(attack, model, x[rows], y[rows], threat, limits=limits)
            stands[rows[found.success]] = False
    return ~static.success, stands


def share(hits):
    from roadworthy.core.estimates import proportion

    found = proportion("share", int(hits.sum()), len(hits))
    return [found.value, found.low, found.high]


def beyond(hits, others):
    """Give a share minus another, as of independent images: the interval is rather too wide."""
    from roadworthy.core.estimates import difference, proportion

    first, second = (proportion("share", int(each.sum()), len(each)) for each in (hits, others))
    found = difference("gain", first, second)
    return [found.value, found.low, found.high]


def compare(names, data):
    """Measure defenses, or several joined by +, at a radius after @; yields one row each."""
    import torch

    from roadworthy.core.progress import Silent
    from roadworthy.recipes import CNN
    from roadworthy.workflows.defenses import DEFENSES
    from roadworthy.workflows.repair import apply_defenses

    recipe = CNN(width=8, epochs=6, batch=64)
    plain = recipe.fit(data, data.train, 0, Silent())
    x, y = data.test.x, data.test.y

    def row(name, model, seconds, eps, before=None):
        n = FEW.get(name, TEST)
        with torch.no_grad():
            right = model(x[:n]).argmax(1) == y[:n]
        static, adaptive = attacked(model, plain, x[:n], y[:n], eps)
        before = adaptive if before is None else before[:n]
        gain, hoped = beyond(adaptive, before), beyond(static, before)
        holds = "no" if gain[1] <= 0 else "yes" if gain[0] >= HOLDS * hoped[0] else "partly"
        return {
            "defense": name,
            "clean": share(right),
            "static": share(static),
            "adaptive": share(adaptive),
            "gain": gain,
            "holds": holds if adaptive is not before else "",
            "seconds": seconds,
        }, adaptive

    bare = {}
    for name in ("none", *names):
        parts, _, radius = name.partition("@")
        eps = float(radius or EPS)
        if eps not in bare:
            first, bare[eps] = row("none" + name[len(parts) :], plain, 0.0, eps)
            yield first
        if parts != "none":
            together = [settled(DEFENSES.get(part), eps) for part in parts.split("+")]
            started = time.process_time()
            model = apply_defenses(plain, data, together)
            yield row(name, model, time.process_time() - started, eps, bare[eps])[0]


def usual():
    """Name the defenses against attacks, and those of the table that are none by their card."""
    from roadworthy.workflows.defenses import DEFENSES

    names = [
        defense.card.name
        for defense in DEFENSES
        if "RW-ROB-001" in defense.card.fixes or defense.card.name in SHOWN
    ]
    return names + [name for name in SHOWN if {"+", "@"} & {*name}]


def training(data):
    """Seconds per epoch of PGD training: ours, a bare loop of the same steps, and ART's."""
    import torch
    from torch import nn

    from roadworthy.core.progress import Silent
    from roadworthy.networks import build
    from roadworthy.recipes import CNN
    from roadworthy.strategies import AdversarialTraining
    from roadworthy.training.loop import fit_plan

    steps, batch = 7, 64
    recipe = CNN(width=8, epochs=1, batch=batch)
    plan = recipe.plan(data, data.train, 0)
    changed = AdversarialTraining(eps=EPS, steps=steps).apply(plan, Silent())

    def ours():
        fit_plan(changed, Silent())

    def bare():
        torch.manual_seed(0)
        network = build(plan.parts)
        network[0].measure(data.train.x)
        adam = torch.optim.AdamW(network.parameters(), recipe.rate, fused=True)
        for rows in torch.randperm(len(data.train)).split(batch):
            x, y = data.train.x[rows], data.train.y[rows]
            near = (x + EPS * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
            for _ in range(steps):
                near.requires_grad_()
                loss = nn.functional.cross_entropy(network(near), y, reduction="sum")
                (gradient,) = torch.autograd.grad(loss, near)
                near = near.detach() + EPS / 4 * gradient.sign()
                near = torch.minimum(torch.maximum(near, x - EPS), x + EPS).clamp(0, 1)
            adam.zero_grad()
            nn.functional.cross_entropy(network(near), y).backward()
            adam.step()

    def art():
        from art.defences.trainer import AdversarialTrainerMadryPGD
        from art.estimators.classification import PyTorchClassifier

        torch.manual_seed(0)
        network = build(plan.parts)
        network[0].measure(data.train.x)
        estimator = PyTorchClassifier(
            network,
            nn.CrossEntropyLoss(),
            (1, 28, 28),
            10,
            optimizer=torch.optim.Adam(network.parameters(), recipe.rate),
            clip_values=(0, 1),
        )
        trainer = AdversarialTrainerMadryPGD(
            estimator, nb_epochs=1, batch_size=batch, eps=EPS, eps_step=EPS / 4, max_iter=steps
        )
        one_hot = nn.functional.one_hot(data.train.y, 10).float().numpy()
        trainer.fit(data.train.x.numpy(), one_hot)

    timed = {}
    for _ in range(3):  # interleaved, so that the machine's moods meet all of them
        for name, run in (("bare loop", bare), ("roadworthy", ours), ("art", art)):
            before = time.process_time()
            try:
                run()
            except ImportError:
                continue
            timed.setdefault(name, []).append(time.process_time() - before)
    least = {name: min(seconds) for name, seconds in timed.items()}
    return [
        {"name": name, "seconds": seconds, "ratio": seconds / least["bare loop"]}
        for name, seconds in least.items()
    ]


def main():
    import torch

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--training", action="store_true", help="only the time per epoch")
    parser.add_argument("--smoothing", action="store_true", help="only the time per certificate")
    parser.add_argument("--smoothing-reference", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = mnist(arguments.data)
    report = {"defenses": [], "training": [], "smoothing": []}
    if arguments.out.exists():
        report = json.loads(arguments.out.read_text())
    report["about"] = [
        f"MNIST, {TRAIN} training images, the first {TEST} test images (fewer where a pass is",
        f"slow: {', '.join(f'{name} {n}' for name, n in FEW.items())}), the recipe cnn (width 8, 6",
        f"epochs), L-inf {EPS} or what follows an @. *Static* attacks do not know of the defense,",
        "*adaptive* ones do.",
        "*Gain that holds* is the adaptive accuracy beyond that of the plain model: *yes* where it",
        "is three quarters of the static gain, *partly* where it is no chance. Intervals are of",
        "95 %. A random model's answers are the mean of ten.",
    ]
    is_all = not (arguments.training or arguments.smoothing or arguments.only)
    if arguments.only or is_all:
        for row in compare(arguments.only or usual(), data):
            kept = [old for old in report["defenses"] if old["defense"] != row["defense"]]
            report["defenses"] = [*kept, row]
            arguments.out.parent.mkdir(exist_ok=True)
            arguments.out.write_text(json.dumps(report, indent=2) + "\n")
            shares = [f"{name} {row[name][0]:.3f}" for name in ("clean", "static", "adaptive")]
            print(row["defense"], *shares, row["holds"], flush=True)
    if arguments.training or is_all:
        report["training"] = training(data)
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")
        for row in report["training"]:
            print(f"{row['name']}: {row['seconds']:.2f} s, {row['ratio']:.2f}")
    if arguments.smoothing or is_all:
        report["smoothing"] = smoothing(data, arguments.smoothing_reference)
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")
        for row in report["smoothing"]:
            print(f"{row['name']}: {row['seconds']:.2f} s, {row['ratio']:.2f}")


if __name__ == "__main__":
    main()
