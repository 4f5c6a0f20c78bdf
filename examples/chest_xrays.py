"""Inspect a CNN trained on chest X-rays whose label follows the hospital they came from.

The images and their table (patient, source, label per image) are given by the folder; the CNN is
trained here, on 70 % of the images drawn at random, as many published studies did.

    python examples/chest_xrays.py ../shared/data

The same from the command line:

    roadworthy inspect cnn chest_xray_covid_nih_96.npz \\
        --metadata chest_xray_covid_nih_meta.csv.gz --target label \\
        --group patient_id --environment source --only methodology --only data --budget quick \\
        --skip label-errors --skip split-gap --skip fitted-on-all --skip cartography \\
        --skip saliency-sanity

What is skipped trains the CNN again several times, or looks into it by many gradients, which takes
minutes.
"""

import argparse
from pathlib import Path

import roadworthy as rw

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", default="chest-xrays-report.html")
    parser.add_argument("--budget", default="quick")
    options = parser.parse_args()
    data = rw.load_dataset(
        options.folder / "chest_xray_covid_nih_96.npz",
        metadata=options.folder / "chest_xray_covid_nih_meta.csv.gz",
        target="label",
        group="patient_id",
        environment="source",
    )
    model = rw.load_model("cnn", data)
    policy = rw.Policy(
        only=("methodology", "data", "performance"),
        skip=("label-errors", "split-gap", "fitted-on-all", "cartography", "saliency-sanity"),
    )
    report = rw.inspect(model, data, policy=policy, budget=options.budget)
    for finding in report.worst:
        print(f"{finding.code} {finding.verdict:12} {finding.claim} {finding.reason}")
    print(report.save(options.out))
