"""Trainings on few labels side by side, on data of several kinds, by the command's own comparison.

python benchmarks/smalldata.py                     all data sets, some hours on one core
python benchmarks/smalldata.py --on digits         that one, merged into the kept results
python benchmarks/smalldata.py --on mnist --seeds 3 --passes 20000

What is finished is kept in --work, and the same command goes on from there.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "results" / "smalldata.json"
SEMI = ("pseudo-label", "mean-teacher", "vat", "fixmatch", "freematch", "label-propagation")
SELF = ("barlow-twins", "simclr", "rotation")
QUERIES = ("cnn@margin", "cnn@typiclust")


def digits(_):
    import roadworthy as rw

    return rw.load_dataset("digits")


def mnist(folder):
    """6,000 images to choose labels from, 2,000 to test on."""
    import numpy as np
    import torch

    import roadworthy as rw

    with np.load(next(folder.rglob("mnist.npz"))) as arrays:
        x, y, test_x, test_y = (arrays[f"{a}_{b}"] for b in ("train", "test") for a in ("x", "y"))

    def split(images, labels, n):
        x = torch.tensor(images[:n]).float()[:, None] / 255
        return x, torch.tensor(labels[:n]).long()

    return rw.make_dataset(*split(x, y, 6000), test=split(test_x, test_y, 2000), name="MNIST")


def cifar10(folder):
    """6,000 images to choose labels from, 2,000 to test on, all of the kept part of CIFAR-10."""
    import numpy as np
    import torch

    import roadworthy as rw

    with np.load(folder / "cifar10_10k.npz") as arrays:
        x, y, test_x, test_y = (arrays[f"{a}_{b}"] for b in ("train", "test") for a in ("x", "y"))
    order = np.random.default_rng(0).permutation(len(y))[:6000]  # the file is sorted by class

    def split(images, labels):
        return torch.tensor(images).permute(0, 3, 1, 2).float() / 255, torch.tensor(labels).long()

    train, test = split(x[order], y[order]), split(test_x[:2000], test_y[:2000])
    return rw.make_dataset(*train, test=test, name="CIFAR-10")


def spam(folder):
    import polars as pl

    import roadworthy as rw

    frame = pl.read_csv(folder / "sms_spam.csv.gz")
    label, text = sorted(frame.columns, key=lambda name: frame[name].n_unique())[
        :: len(frame.columns) - 1
    ]
    return rw.make_dataset(frame.select(label, text), label, text=text, name="SMS spam")


def adult(folder):
    import polars as pl

    import roadworthy as rw

    frame = pl.read_csv(folder / "adult_train.csv.gz").sample(8000, seed=0)
    return rw.make_dataset(frame, "income", name="Adult")


# data, trainings of which the first is plain, numbers of labels
CASES = {
    "digits": (
        digits,
        (
            "cnn",
            *SEMI,
            "self-training",
            *SELF,
            "cnn@margin",
            "cnn@typiclust",
            "logistic-regression",
        ),
        (10, 20, 50, 100, 400),
    ),
    "mnist": (mnist, ("cnn", *SEMI, *SELF, "cnn@margin"), (10, 20, 50, 100, 400)),
    "cifar10": (cifar10, ("cnn", *SEMI, *SELF, "cnn@margin"), (50, 100, 400)),
    "spam": (
        spam,
        (
            "text-transformer",
            "masked-language-model",
            "self-training",
            "pseudo-label",
            "text-transformer@margin",
            "bag-of-words",
            "bag-of-words@margin",
        ),
        (20, 50, 100, 200, 400),
    ),
    "adult": (
        adult,
        (
            "mlp",
            "pseudo-label",
            "vat",
            "fixmatch",
            "label-propagation",
            "self-training",
            "scarf",
            "mlp@margin",
            "random-forest",
            "logistic-regression",
        ),
        (20, 50, 100, 200, 400),
    ),
}


def measure(name, folder, seeds, passes, work):
    """Compare on one data set; gives its row."""
    import roadworthy as rw

    make, trainings, labels = CASES[name]
    started = time.process_time()
    study = rw.compare(
        make(folder), trainings, labels=labels, seeds=seeds, passes=passes, store=work
    )
    return {
        "data": name,
        "said": study.sentence,
        "seeds": seeds,
        "passes": passes,
        "area": study.area,
        "entries": [{**asdict(entry), "verdict": entry.verdict} for entry in study.entries],
        "seconds": time.process_time() - started,
    }


def main():
    import torch

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--work", type=Path, default=Path("/tmp/roadworthy-smalldata"))
    parser.add_argument("--on", nargs="*", default=tuple(CASES), choices=tuple(CASES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--passes", type=int, default=100_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kept = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
    for name in arguments.on:
        row = measure(name, arguments.data, arguments.seeds, arguments.passes, arguments.work)
        kept = [*(old for old in kept if old["data"] != name), row]
        arguments.out.parent.mkdir(exist_ok=True)
        arguments.out.write_text(json.dumps(kept, indent=2) + "\n")
        print(name, row["said"], flush=True)


if __name__ == "__main__":
    main()
