"""A training that processes share, against the one that a single process makes of the same rows."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

PROGRAM = """
import sys
from dataclasses import replace

import torch

from roadworthy.core.progress import Silent
from roadworthy.recipes import RECIPES
from roadworthy.sources import load_dataset
from roadworthy.training.crew import is_follower
from roadworthy.training.loop import fit_plan
from roadworthy.training.plan import Machine
from roadworthy.training.trained import plan_of

recipe, devices, rows, out = sys.argv[1:]
data, machine = load_dataset("digits"), Machine(devices=int(devices))
chosen = RECIPES.get(recipe)(epochs=2, batch=64)
plan = plan_of(chosen, data, data.train.take(torch.arange(int(rows))), 0, Silent(), machine)
plan = replace(plan, order=lambda order: order.sort().values)  # whatever the number of processes
network = fit_plan(plan, Silent())
if not is_follower(machine):
    torch.save(network.state_dict(), out)
"""


def weights(folder, devices, recipe="mlp", rows=161):
    program, out = folder / "program.py", folder / f"{devices}.pt"
    program.write_text(PROGRAM)
    line = [sys.executable, program, recipe, str(devices), str(rows), out]
    ran = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr
    return torch.load(out, weights_only=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "processes", "rows"),
    [
        ("cnn", 2, 161),  # the last step has 33 rows, which are not shared evenly
        ("mlp", 3, 129),  # it has one row: two processes have none
    ],
)
def test_a_training_that_processes_share_ends_at_the_weights_of_one(
    tmp_path, recipe, processes, rows
):
    alone, together = (weights(tmp_path, n, recipe, rows) for n in (1, processes))
    assert alone.keys() == together.keys()
    for name, weight in alone.items():
        assert torch.allclose(weight, together[name], atol=1e-5), name


def started(folder, out):
    words = [
        "train",
        "digits",
        "--recipe",
        "cnn+gaussian-augmentation",
        "--devices",
        "2",
        "--seed",
        "3",
    ]
    words += ["--devices", "2", "--set", "cnn.epochs=8", "--set", "cnn.width=32", "--out", out]
    line = [Path(sys.executable).with_name("roadworthy"), *words]
    return subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_a_shared_training_that_was_killed_goes_on_to_the_same_weights(tmp_path):
    whole = started(tmp_path, "whole")
    told, said = whole.communicate(timeout=300)
    assert whole.returncode == 0, said
    assert told.count(b"accuracy") == 1, "one process reports"
    killed = started(tmp_path, "model")
    kept, until = tmp_path / "model.unfinished", time.monotonic() + 120
    while not any(kept.glob("*/*.pt")) and killed.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)  # ends when the other process has, as both hold the pipe
    assert not (tmp_path / "model").exists()
    again = started(tmp_path, "model")
    again.communicate(timeout=300)
    assert again.returncode == 0
    bundles = [tmp_path / name / "weights.safetensors" for name in ("whole", "model")]
    assert bundles[0].read_bytes() == bundles[1].read_bytes()
