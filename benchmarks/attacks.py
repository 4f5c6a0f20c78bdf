"""Attacks beside those of other libraries: success, norm, passes and processor time in one run.

    python benchmarks/attacks.py [--data ../shared/data] [--out benchmarks/results/attacks.json]

The peers of the package index are installed into an environment of their own (`--peers`), where
this script then runs itself with this package beside them. adversarial-library and the reference of
AutoAttack are in no index: clone them and name their folders in PYTHONPATH, or they are left out.

A small CNN is trained on MNIST. The first test images that it gets right are attacked by all, on
one thread, row by row, one library after the other, in several rounds; the least seconds count. The
floor is what as many passes through the network cost in a plain loop, measured in the same round:
`over floor` is what an attack adds of its own. Norms are medians over successes, so they compare
only at like success. Every success is judged here, by one code.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
import venv
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "results" / "attacks.json"
PEERS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "roadworthy" / "peers"
INSTALLED = ("foolbox==3.3.4", "adversarial-robustness-toolbox==1.20.1", "packaging")
WITHOUT_NEEDS = ("torchattacks==3.5.1",)  # it asks for torchvision, which it does without
MODULES = ("ours", "of_foolbox", "of_art", "of_torchattacks", "of_adversarial_library",
           "of_auto_attack")  # fmt: skip
OURS = "roadworthy"


def install(folder):
    """Make the peers' environment, with this package in it as it stands."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt"]
    subprocess.run([*pip, "--editable", ".", *INSTALLED], cwd=HERE.parent, check=True)
    subprocess.run([*pip, "--no-deps", *WITHOUT_NEEDS], cwd=HERE.parent, check=True)
    return python


def libraries():
    """Import what is there; say what is not, and why."""
    sys.path.insert(0, str(HERE))
    found = {}
    for name in MODULES:
        try:
            module = importlib.import_module(f"attack_libraries.{name}")
        except ImportError as error:
            print(f"left out: {name} ({error})")
            continue
        found[module.NAME] = module.attacks()
    return found


def train(x, y, epochs=3):
    import torch
    from torch import nn

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
    import numpy as np
    import torch

    with np.load(data / "mnist.npz") as arrays:
        x = torch.tensor(arrays[f"x_{split}"][:count]).float()[:, None] / 255
        return x, torch.tensor(arrays[f"y_{split}"][:count]).long()


def counted(network):
    """Wrap a network so that it counts the images that pass through it, forward and backward."""
    from torch import nn

    class Counted(nn.Module):
        def __init__(self):
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

    return Counted().eval()


def measure(attack, row, network, x, y, passes):
    """Attack once; judge, count and time."""
    import torch
    from attack_libraries.rows import EPS

    wrapped, target = counted(network), (y + 1) % 10 if row.is_targeted else None
    torch.manual_seed(0)
    before = time.process_time()
    found = attack(wrapped, x, y, target).detach()
    seconds = time.process_time() - before
    with torch.no_grad():
        choice = network(found).argmax(1)
    is_reached = choice == target if row.is_targeted else choice != y
    is_inside = ((found >= 0) & (found <= 1)).flatten(1).all(1)
    order = {"linf": float("inf"), "l2": 2, "l1": 1, "l0": 0}[row.norm]
    length = (found - x).flatten(1).norm(p=order, dim=1)
    if row.has_budget:
        is_inside &= length <= EPS[row.norm] * (1 + 1e-4)
    success = is_reached & is_inside
    forward, backward = wrapped.forward_passes / len(x), wrapped.backward_passes / len(x)
    floor = (forward * passes[0] + backward * passes[1]) * len(x)
    return {
        "success": round(float(success.double().mean()), 4),
        "median_norm": round(float(length[success].median()), 5) if success.any() else None,
        "forward_per_image": round(forward, 1),
        "backward_per_image": round(backward, 1),
        "seconds": round(seconds, 3),
        "over_floor": round(seconds / floor, 2),
    }


def floor(network, x, count=20):
    """Seconds per image of a forward and of a backward pass."""
    import torch

    def forward():
        with torch.no_grad():
            for _ in range(count):
                network(x)

    def both():
        for _ in range(count):
            inputs = x.clone().requires_grad_()
            torch.autograd.grad(network(inputs).sum(), inputs)

    seconds = []
    for run in (forward, both):
        run()
        before = time.process_time()
        run()
        seconds.append((time.process_time() - before) / count / len(x))
    return seconds[0], max(seconds[1] - seconds[0], 1e-9)


def compare(network, x, y, rounds, slow, only):
    """Measure every row by every library; the least seconds of the rounds count."""
    from attack_libraries.rows import ROWS

    found, known = {}, libraries()
    for round_number in range(rounds):
        for row in ROWS:
            if only and not any(word.casefold() in row.name.casefold() for word in only):
                continue
            some, labels = x[: row.images], y[: row.images]
            passes = floor(network, some)
            for library, attacks in known.items():
                before = found.get(row.name, {}).get(library)
                is_slow = before is not None and before.get("seconds", 0) > slow
                if row.name not in attacks or is_slow or (before or {}).get("failed"):
                    continue
                now = attempt(attacks[row.name], row, network, some, labels, passes)
                if before is None or now.get("seconds", 0) < before["seconds"]:
                    found.setdefault(row.name, {})[library] = now
                print(f"{round_number + 1} {row.name:28} {library:20} {now}", flush=True)
    return found


def attempt(attack, row, network, x, y, passes):
    """Measure, or say why it failed: a peer that stops must not stop the comparison."""
    try:
        return measure(attack, row, network, x, y, passes)
    except Exception as error:
        if getattr(attack, "__module__", "").endswith("ours"):
            raise
        return {"failed": f"{type(error).__name__}: {str(error)[:120]}", "seconds": 0.0}


def plot(results, path):
    """Draw, for each row, seconds of each library relative to ours."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "attacks"
    from matplotlib import pyplot

    names = [name for name in results if results[name].get(OURS)]
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(names) + 1.2))
    markers = dict(zip(("foolbox", "art", "torchattacks", "adversarial-library", "auto-attack"),
                       "osD^v", strict=True))  # fmt: skip
    for library, marker in markers.items():
        points = [
            (results[name][library]["seconds"] / results[name][OURS]["seconds"], k)
            for k, name in enumerate(names)
            if results[name].get(library, {}).get("seconds") and results[name][OURS]["seconds"]
        ]
        if points:
            axes.scatter(*zip(*points, strict=True), marker=marker, label=library, s=28)
    axes.axvline(1, color="gray", linewidth=1)
    axes.set(xscale="log", xlabel="processor time relative to roadworthy (right: slower)")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def goals(results):
    """Say what was aimed at, what was measured, and whether it was met."""
    found = []
    for text, row, measure, most in GOALS:
        ours = results.get(row, {}).get(OURS)
        peers = [n for k, n in results.get(row, {}).items() if k != OURS and "failed" not in n]
        if ours is None or not peers:
            continue
        # only who finds about as much can be compared in seconds or norms
        equal = [n for n in peers if n["success"] >= ours["success"] - 0.05] or peers
        value = round(measured(measure, ours, equal), 3)
        found.append({"goal": text, "measured": value, "at_most": most, "met": value <= most})
    return found


def measured(measure, ours, peers):
    """Give one number of ours, alone or beside the best of the others."""
    if measure == "seconds":
        return ours["seconds"] / min(n["seconds"] for n in peers)
    if measure == "norm":
        return ours["median_norm"] / min(n["median_norm"] for n in peers)
    if measure == "missed":
        return max(n["success"] for n in peers) - ours["success"]
    if measure == "failures":
        return 1 - ours["success"]
    return ours[measure]


# text, row, what is measured, and what it should be at most
GOALS = (
    ("PGD 40: seconds over the best peer's", "PGD 40, L-inf", "seconds", 0.55),
    ("PGD 40: success below the best peer's", "PGD 40, L-inf", "missed", 0.0),
    ("DeepFool: seconds over the best peer's", "DeepFool 50, L2", "seconds", 1.0),
    ("DeepFool: norm over the best peer's", "DeepFool 50, L2", "norm", 1.0),
    ("DDN 100: norm over the best peer's", "DDN 100, L2", "norm", 1.0),
    ("DDN 100: forward passes", "DDN 100, L2", "forward_per_image", 110),
    ("EAD: L1 over the best peer's", "EAD 5x100, L1", "norm", 1.0),
    ("EAD: forward passes", "EAD 5x100, L1", "forward_per_image", 550),
    ("L0 by FMN: features over the best peer's", "FMN 100, L0", "norm", 1.0),
    ("L0 by sigma-zero: features over the best peer's", "sigma-zero 100, L0", "norm", 1.0),
    ("JSMA: seconds over the best peer's", "JSMA, L0", "seconds", 1.0),
    ("JSMA: features over the best peer's", "JSMA, L0", "norm", 1.0),
    ("HopSkipJump: norm over the best peer's", "HopSkipJump 2500, L2", "norm", 1.0),
    ("HopSkipJump: seconds over the floor", "HopSkipJump 2500, L2", "over_floor", 1.3),
    ("Square 500: success below the best peer's", "Square 500, L-inf", "missed", 0.0),
    ("Square 500: seconds over the floor", "Square 500, L-inf", "over_floor", 1.1),
    ("CW 5x100: images without success", "CW 5x100, L2", "failures", 0.0),
    ("AutoAttack: seconds over the reference's", "AutoAttack standard, L-inf", "seconds", 0.5),
    ("AutoAttack: success below the reference's", "AutoAttack standard, L-inf", "missed", 0.0),
)


def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def run(arguments):
    import torch

    torch.set_num_threads(1)
    network = train(*images(arguments.data, "train", 60_000))
    x, y = images(arguments.data, "test", 2000)
    with torch.no_grad():
        is_right = network(x).argmax(1) == y
    rows = is_right.nonzero()[:200, 0]
    results = compare(network, x[rows], y[rows], arguments.rounds, arguments.slow, arguments.only)
    from attack_libraries.rows import EPS

    packages = (OURS, "torch", "numpy", "foolbox", "adversarial-robustness-toolbox", "torchattacks")
    report = {
        "network": "CNN of two convolutions and two linear layers, MNIST, 3 epochs",
        "accuracy_on_2000": float(is_right.double().mean()),
        "eps": EPS,
        "threads": 1,
        "rounds": arguments.rounds,
        "versions": {"python": platform.python_version()} | {n: installed(n) for n in packages},
        "goals": goals(results),
        "results": results,
    }
    if not arguments.only:
        arguments.out.parent.mkdir(exist_ok=True)
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")
        plot(results, arguments.out.with_suffix(".svg"))
    for goal in report["goals"]:
        said = f"{goal['goal']}: {goal['measured']} (at most {goal['at_most']})"
        print("met   " if goal["met"] else "missed", said)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder of their environment")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow", type=float, default=10, help="seconds above which once is enough")
    parser.add_argument("--only", nargs="*", default=[], help="rows to run; nothing is written")
    parser.add_argument("--here", action="store_true", help="run in this environment, as it is")
    arguments = parser.parse_args()
    if arguments.here:
        run(arguments)
        return
    python = install(arguments.peers)
    words = [word for word in sys.argv[1:]]
    sys.exit(subprocess.run([python, __file__, "--here", *words], check=False).returncode)


if __name__ == "__main__":
    main()
