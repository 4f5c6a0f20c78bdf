"""Every example runs as its first lines say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.datasets import SHARED, shared

EXAMPLES = Path(__file__).parents[2] / "examples"
RUNS = {
    "own_torch_model.py": ["--budget", "quick"],
    "own_sklearn_model.py": ["--budget", "quick"],
    "label_errors.py": [SHARED, "cifar10"],
    "cifar10_duplicates.py": [SHARED],
    "chest_xrays.py": [SHARED],
}
DATA = {
    "label_errors.py": "label_errors_cifar10_pred_probs.npz",
    "cifar10_duplicates.py": "cifar10_10k.npz",
    "chest_xrays.py": "chest_xray_covid_nih_96.npz",
}


def run(name, folder):
    if name in DATA:
        shared(DATA[name])
    words = [sys.executable, EXAMPLES / name, *RUNS[name], "--out", folder / "report.html"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    return done.stdout


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        *RUNS,
        "attack_frameworks.py",
        "digits_folder.py",  # the tutorial on few labels runs it
    }


@pytest.mark.slow
def test_networks_of_every_framework_that_is_installed_are_attacked(tmp_path):
    words = [sys.executable, EXAMPLES / "attack_frameworks.py", "--samples", "50"]
    done = subprocess.run(
        list(map(str, words)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": "torch"},
    )
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert set(lines) == {"PyTorch MLP", "Haiku MLP", "Flax CNN", "Keras CNN"}
    for said in lines.values():
        if not said.endswith("is not installed"):
            accuracy, robust = (float(word.rstrip(",")) for word in said.split() if "." in word)
            assert accuracy > 0.8
            assert robust < accuracy
    missing = [name for name, said in lines.items() if said.endswith("is not installed")]
    if missing:
        pytest.skip(f"not installed: what {', '.join(missing)} need")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["own_torch_model.py", "own_sklearn_model.py"])
def test_a_model_of_ones_own_is_inspected(name, tmp_path):
    assert "RW-" in run(name, tmp_path)


@pytest.mark.slow
def test_the_chest_x_rays_are_found_wanting(tmp_path):
    said = run("chest_xrays.py", tmp_path)
    verdicts = {line.split()[0]: line.split()[1] for line in reversed(said.splitlines()[:-1])}
    assert verdicts["RW-LEAK-003"] == "fail", "patients in both splits"
    assert verdicts["RW-LEAK-004"] == "fail", "the label follows the source"
    assert verdicts["RW-DATA-002"] == "fail", "few rows of the rarest class"


@pytest.mark.slow
def test_most_listed_duplicates_of_cifar10_are_found(tmp_path):
    said = run("cifar10_duplicates.py", tmp_path)
    recall, precision = (float(word.strip(",")) for word in said.split() if "0." in word[:3])
    assert recall >= 0.8
    assert precision >= 0.57


@pytest.mark.slow
def test_confirmed_label_errors_come_first(tmp_path):
    said = run("label_errors.py", tmp_path)
    found = [int(line.split()[0]) for line in said.splitlines() if "confirmed errors" in line]
    assert found == sorted(found)
    assert found[0] >= 9
