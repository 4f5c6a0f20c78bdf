"""Rank the labels of CIFAR-10's or MNIST's test images by how probably they are wrong.

The model is whatever gave the predicted probabilities of the test images: here a table of them, as
cross-validation left it. Of the images with even numbers, those that confident learning suspected
were reviewed by five people each; an error is a label that fewer than three of them gave.

    python examples/label_errors.py ../shared/data cifar10
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import roadworthy as rw
from roadworthy.artifacts import LabelIssues
from roadworthy.core.artifact import Bench, Store
from roadworthy.workflows.inspection import make_subject, run_inspection

FILES = {"cifar10": "cifar10_10k.npz", "mnist": "mnist.npz"}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name", choices=FILES, nargs="?", default="cifar10")
    parser.add_argument("--out", default="label-errors-report.html")
    options = parser.parse_args()
    probabilities = torch.from_numpy(
        np.load(options.folder / f"label_errors_{options.name}_pred_probs.npz")["pred_probs"]
    )
    y = np.load(options.folder / FILES[options.name])["y_test"]
    # an input is the number of an image, and the model looks its probabilities up
    number = np.arange(len(y), dtype=np.float32)[:, None]
    data = rw.make_dataset(number[:100], y[:100], test=(number, y), name=options.name)

    def model(x: torch.Tensor) -> torch.Tensor:
        return probabilities[x[:, 0].long()]

    bench = Bench(make_subject(rw.wrap_model(model, data), data), Store(None))
    report = run_inspection(bench, rw.Policy(only=("label-errors",)))
    print(next(finding.claim for finding in report.findings if finding.scope == "test"))
    # the report lists what is suspected; the ranking behind it goes on to the last row
    request = LabelIssues("test")
    order = bench.get_for((request,))(request).order
    ranked = [row for row in order.tolist() if row % 2 == 0]
    reviews = json.loads(
        (options.folder / f"label_errors_{options.name}_even_ids.json").read_text()
    )
    wrong = {review["id"] for review in reviews if review["mturk"]["given"] < 3}
    for first in (25, 50, 100):
        listed = ranked[:first]
        print(f"{len(wrong & set(listed))} confirmed errors among the first {len(listed)}")
    print(report.save(options.out))
