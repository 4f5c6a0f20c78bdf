"""Few-shot learners on Omniglot: alphabets that they have not seen, 5 ways and 1 shot.

python benchmarks/fewshot.py                   all that is not in the results yet
python benchmarks/fewshot.py --only proto-net  that one anew, merged into the kept results

Learned from are three alphabets of Omniglot's `background small 1`, with their quarter turns as
classes; asked about are the other two, and Lake's 20 runs of 20 ways and 1 shot, whose ten
alphabets are others again. Every learner answers the same tasks. Learning rates were chosen on
Korean as the unseen alphabet, never on the two that are asked about here. One seed, one thread.
With easyfsl on the path, its prototypical network answers the same tasks with our features.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from roadworthy import fewshot
from roadworthy.core.dataset import Split
from roadworthy.core.estimates import Measure, mean, paired_difference

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "results" / "fewshot.json"
UNSEEN = ("Greek", "Latin")
SHAPE = fewshot.EpisodeShape(ways=5, shots=1, queries=15)
TASKS, SEED = 300, 1
REFERENCE = "proto-net"
LENT = "proto-net-1000"  # whose features easyfsl is given
COMMON = {"width": 32, "turns": True, "rate": 3e-3}


def learners():
    """Every learner by its name in the results; without a number it sees about 36,000 images."""
    return {
        "proto-net-100": fewshot.ProtoNet(**COMMON, episodes=100),
        "proto-net": fewshot.ProtoNet(**COMMON, episodes=300),
        "proto-net-1000": fewshot.ProtoNet(**COMMON, episodes=1000),
        "simple-shot": fewshot.SimpleShot(**COMMON, steps=560),
        "simple-shot-1875": fewshot.SimpleShot(**COMMON, steps=1875),
        "baseline-plus-plus": fewshot.BaselinePlusPlus(**COMMON, steps=560),
        "matching-networks": fewshot.MatchingNetworks(**COMMON, episodes=300),
        "relation-network": fewshot.RelationNetwork(**COMMON, ways=10, queries=5, episodes=600),
        "anil-900": fewshot.ANIL(**COMMON, episodes=900),
        "maml-900": fewshot.MAML(**COMMON, episodes=900),
    }


def images(array):
    return torch.tensor(array).float().unsqueeze(-3) / 255


def alphabets(folder):
    """The base classes and the unseen ones."""
    with np.load(folder / "omniglot_small1_28.npz") as arrays:
        names = arrays["alphabet_names"][arrays["alphabet"]]
        x, y = images(arrays["x"]), torch.tensor(arrays["character"].astype(np.int64))
    whole = Split("Omniglot", x, y, torch.arange(len(x)))
    is_unseen = torch.tensor(np.isin(names, UNSEEN))
    return whole.take(~is_unseen), whole.take(is_unseen)


def one_shot_runs(folder):
    """Lake's runs as tasks: support (20, 20, …), queries (20, 20, …) and their answers."""
    with np.load(folder / "omniglot_oneshot_runs_28.npz") as arrays:
        support, query = images(arrays["support"]), images(arrays["query"])
        return support, query, torch.tensor(arrays["query_label"].astype(np.int64))


def numbers(measure: Measure):
    return [measure.value, measure.low, measure.high]


def judge(adapter, novel, runs):
    """Both accuracies of an adapter, with how many queries of each task were right."""
    scores = fewshot.evaluate(adapter, novel, SHAPE, episodes=TASKS, seed=SEED)
    support, query, answer = runs
    order = torch.arange(20).expand(20, 20)
    with torch.no_grad():
        is_right = adapter(support, order, query).argmax(2) == answer
    of_runs = mean(
        "accuracy",
        is_right.flatten().numpy().astype(float),
        seed=SEED,
        clusters=np.arange(20).repeat(20),  # the queries of a run share their support
    )
    asked = SHAPE.ways * SHAPE.queries
    return {
        "accuracy": numbers(scores.accuracy),
        "one_shot_runs": numbers(of_runs),
        "right": " ".join(str(round(share * asked)) for share in scores.shares),
    }


def measure(name, base, novel, runs, peer):
    learner = learners()[name]
    started = time.process_time()
    adapter = learner.train(base, seed=0)
    seconds = time.process_time() - started
    row = {"learner": name, "settings": asdict(learner), "training_seconds": seconds}
    row |= judge(adapter, novel, runs)
    if peer and name == LENT:
        row["easyfsl"] = beside(peer, adapter, novel)
    return row


def beside(peer, adapter, novel):
    """Answer the same tasks by easyfsl's prototypical network, with the same features."""
    source, asked = fewshot.EpisodeSource(novel, SHAPE), SHAPE.ways * SHAPE.queries
    method = peer(backbone=torch.nn.Sequential(adapter.network, torch.nn.Flatten())).eval()
    alike, right, times = 0, [], {"ours": 0.0, "theirs": 0.0}
    with torch.no_grad():
        for number in range(TASKS):
            task = source.draw(SEED, number, 1)
            started = time.process_time()
            method.process_support_set(task.support_x[0], task.support_y[0])
            theirs = method(task.query_x[0]).argmax(1)
            middle = time.process_time()
            ours = adapter(task.support_x, task.support_y, task.query_x)[0].argmax(1)
            times["theirs"] += middle - started
            times["ours"] += time.process_time() - middle
            alike += int((theirs == ours).sum())
            right.append(float((theirs == task.query_y[0]).double().mean()))
    return {
        "version": version_of("easyfsl"),
        "same_answers": [alike, TASKS * asked],
        "accuracy": numbers(mean("accuracy", np.array(right), seed=SEED)),
        "seconds": times,
    }


def easyfsl():
    """Give easyfsl's class, or nothing where it is not installed.

    The package as a whole wants torchvision; its prototypical network does not, so that file is
    imported without those beside it.
    """
    found = find_spec("easyfsl")
    if found is None:
        return None
    folder = Path(found.origin).parent / "methods"
    package = ModuleType("easyfsl.methods")
    package.__path__ = [str(folder)]
    sys.modules["easyfsl.methods"] = package
    spec = spec_from_file_location(
        "easyfsl.methods.prototypical_networks", folder / "prototypical_networks.py"
    )
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PrototypicalNetworks


def version_of(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def with_differences(rows):
    """Add by how much each learner is above the reference on the same tasks."""
    rights = {row["learner"]: np.array(row["right"].split(), float) for row in rows}
    if REFERENCE not in rights:
        return rows
    for row in rows:
        if row["learner"] != REFERENCE:
            pair = rights[row["learner"]], rights[REFERENCE]
            asked = SHAPE.ways * SHAPE.queries
            apart = paired_difference("difference", *(r / asked for r in pair), seed=SEED)
            row["above_reference"] = numbers(apart)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=(), choices=[*learners()])
    options = parser.parse_args()
    torch.set_num_threads(1)
    base, novel = alphabets(options.data)
    runs, peer = one_shot_runs(options.data), easyfsl()

    def kept():
        return json.loads(options.out.read_text())["rows"] if options.out.exists() else []

    have = {row["learner"] for row in kept()}
    for name in options.only or [name for name in learners() if name not in have]:
        row = measure(name, base, novel, runs, peer)
        rows = [*(old for old in kept() if old["learner"] != name), row]
        rows.sort(key=lambda row: list(learners()).index(row["learner"]))
        counts = {"base": len(base.y.unique()), "unseen": len(novel.y.unique())}
        result = {
            "torch": torch.__version__,
            "characters": counts,
            "tasks": TASKS,
            "rows": with_differences(rows),
        }
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps(result, indent=2) + "\n")
        both = [f"{key} {row[key][0]:.3f}" for key in ("accuracy", "one_shot_runs")]
        print(name, *both, f"{row['training_seconds']:.0f} s", row.get("easyfsl", ""), flush=True)


if __name__ == "__main__":
    main()
