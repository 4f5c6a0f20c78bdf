"""Look for CIFAR-10 test images whose near-duplicate is in the training split.

Compares what the inspection finds with the 286 pairs that Barz and Denzler (2020) list. Of the
training split the file holds 10,000 images, all 286 listed ones among them.

    python examples/cifar10_duplicates.py ../shared/data

The same inspection from the command line:

    roadworthy inspect logistic-regression cifar10_10k.npz --only near-duplicates
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import roadworthy as rw
from roadworthy.artifacts import NearDuplicates
from roadworthy.core.artifact import Bench, Store
from roadworthy.workflows.inspection import make_subject, run_inspection


def listed_pairs(folder: Path) -> set[tuple[int, int]]:
    """Give (test row, training row) of every listed pair, by the rows of the file."""
    row_of = {
        int(index): row
        for row, index in enumerate(np.load(folder / "cifar10_10k.npz")["train_index"])
    }
    with (folder / "cifar10_duplicates_train_test.csv").open() as file:
        return {(int(r["TestID"]), row_of[int(r["TrainID"])]) for r in csv.DictReader(file)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", default="cifar10-duplicates-report.html")
    options = parser.parse_args()
    data = rw.load_dataset(options.folder / "cifar10_10k.npz")
    model = rw.load_model("logistic-regression", data)
    bench = Bench(make_subject(model, data), Store(None))
    report = run_inspection(bench, rw.Policy(only=("near-duplicates",)))
    print(report.findings[0].claim)
    request = NearDuplicates(bench.subject.effort.judged)
    pairs = bench.get_for((request,))(request)
    found = set(zip(pairs.test.tolist(), pairs.train.tolist(), strict=True))
    listed = listed_pairs(options.folder)
    hits = len(found & listed)
    print(f"{len(found)} pairs found; {hits} of the {len(listed)} listed ones are among them")
    print(f"recall {hits / len(listed):.3f}, precision if no unlisted pair were true "
          f"{hits / len(found):.3f}")  # fmt: skip
    print(report.save(options.out))
