"""What rows without targets are worth: accuracy at equal compute with few labels.

python benchmarks/semi.py                          all that is not in the results yet, an hour
python benchmarks/semi.py --only mnist-4 --methods fixmatch supervised

Every training of a network has the same budget of rows that pass the network, with a target or
without, forward alone or not; one control is shorter. A training that has learned its rows stops
sooner. Results are kept as they come: a run that was stopped goes on.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "results" / "semi.json"


@dataclass(frozen=True)
class Case:
    """A task with few labels.

    Args:
        name: with the labels per class.
        labels: per class.
        pool: rows with a label and without.
        test: rows.
        seeds: draws of all of these but the test.
        budget: rows that pass the network.
        width: channels of the first stage.
        methods: which are compared.
    """

    name: str
    labels: int
    pool: int
    test: int
    seeds: int
    budget: int
    width: int
    methods: tuple[str, ...]


SUPERVISED = ("supervised", "supervised-weak-views", "supervised-strong-views")
SHORTER = {"supervised-strong-views": 0.1}  # of the budget: views take most of its time
LEARNERS = (
    *SUPERVISED,
    "fixmatch",
    "label-propagation",
    "freematch",
    "mixmatch",
    "mean-teacher",
    "softmatch",
    "vat",
    "pi-model",
    "pseudo-label",
    "self-training",
)
PEERS = ("sklearn-supervised", "sklearn-label-spreading", "sklearn-self-training")
ON_DIGITS = ("supervised", "label-propagation", "self-training", "fixmatch", *PEERS)
CASES = (
    Case("mnist-4", 4, 10_000, 2000, 3, 240_000, 4, LEARNERS),
    Case("digits-2", 2, 1257, 540, 5, 120_000, 8, ON_DIGITS),
    Case("digits-10", 10, 1257, 540, 5, 120_000, 8, ON_DIGITS),
)


def arrays(case, folder):
    """Give images (N, 1, H, W) in [0, 1] and classes, those to learn from and those to test on."""
    if case.name.startswith("mnist"):
        with np.load(next(folder.rglob("mnist.npz"))) as file:
            x, y, test_x, test_y = (file[f"{a}_{b}"] for b in ("train", "test") for a in "xy")
        return x[:, None] / np.float32(255), y, test_x[:, None] / np.float32(255), test_y
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32").reshape(-1, 1, 8, 8)
    order = np.random.default_rng(0).permutation(len(x))
    rest, test = order[: -case.test], order[-case.test :]
    return x[rest], y[rest], x[test], y[test]


def drawn(case, seed, folder):
    """Draw a pool, and which of its rows have a label."""
    import roadworthy as rw

    x, y, test_x, test_y = arrays(case, folder)
    order = np.random.default_rng(seed).permutation(len(x))[: case.pool]
    labelled = np.concatenate([order[y[order] == k][: case.labels] for k in range(10)])
    rest = np.setdiff1d(order, labelled)
    test = (test_x[: case.test], test_y[: case.test].astype(int))
    return rw.make_dataset(
        x[labelled], y[labelled].astype(int), test=test, unlabelled=x[rest], name=case.name
    )


def by_network(case, method, data, seed):
    """Train a network; gives which test rows it answers right, and how many rows passed it."""
    import torch

    from roadworthy.core.progress import Silent
    from roadworthy.recipes import CNN
    from roadworthy.strategies import STRATEGIES
    from roadworthy.training.loop import fit_plan
    from roadworthy.training.trained import defended, plan_of
    from roadworthy.training.views import strong_view, weak_view

    recipe = CNN(width=case.width, hidden=64, batch=10 * case.labels)
    if method not in SUPERVISED:
        recipe = defended(recipe, (STRATEGIES.get(method)(),))
    passes = round(case.budget * SHORTER.get(method, 1.0))
    plan = plan_of(recipe, data, data.train, seed, Silent(), passes=passes)
    if method.endswith("views"):
        view = weak_view if "weak" in method else strong_view
        plan = plan.add(augment=(view(data),))
    network = fit_plan(plan, Silent())
    with torch.no_grad():
        right = network(data.test.x).argmax(1) == data.test.y
    last = plan.cost * len(plan.rows) * plan.schedule.epochs
    return right.numpy(), plan.spent + round(last)


def by_sklearn(method, data, seed):
    """Train a peer; gives which test rows it answers right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

    known, pool = data.train, data.unlabelled
    linear = LogisticRegression(max_iter=2000, random_state=seed)
    if method == "sklearn-supervised":
        x, y, model = known.x, known.y.numpy(), linear
    else:
        x = np.concatenate([known.x, pool.x])
        y = np.concatenate([known.y, np.full(len(pool), -1)])
        model = SelfTrainingClassifier(linear)
        if method == "sklearn-label-spreading":
            model = LabelSpreading(kernel="knn", n_neighbors=7)
    model.fit(np.asarray(x).reshape(len(x), -1), y)
    return model.predict(data.test.x.flatten(1).numpy()) == data.test.y.numpy(), None


def measure(case, method, seed, folder):
    """Train once and judge; gives one row."""
    data, started = drawn(case, seed, folder), time.process_time()
    if method in PEERS:
        right, passed = by_sklearn(method, data, seed)
    else:
        right, passed = by_network(case, method, data, seed)
    return {
        "case": case.name,
        "method": method,
        "seed": seed,
        "accuracy": float(right.mean()),
        "rows": passed,
        "seconds": time.process_time() - started,
        "right": np.packbits(right).tobytes().hex(),
    }


def summary(rows):
    """Compare each method with supervised training on the same draws, over the same test rows."""
    from roadworthy.core.estimates import crossed_mean

    found = []
    for case in CASES:
        of_case = [row for row in rows if row["case"] == case.name]
        answers = {(row["method"], row["seed"]): unpacked(row, case.test) for row in of_case}
        for method in case.methods:
            seeds = [seed for name, seed in answers if name == method]
            if not seeds:
                continue
            scores = np.array([answers[method, seed].mean() for seed in seeds])
            cell = {
                "case": case.name,
                "method": method,
                "seeds": len(seeds),
                "accuracy": float(scores.mean()),
                "worst": float(scores.min()),
                "best": float(scores.max()),
                "seconds": mean_of(of_case, method, "seconds"),
                "rows": mean_of(of_case, method, "rows"),
            }
            controls = SUPERVISED if case.name.startswith("mnist") else ("supervised",)
            controls = ("sklearn-supervised",) if method in PEERS else controls
            for control in controls:
                both = [seed for seed in seeds if (control, seed) in answers]
                if control == method or not both:
                    continue
                a, b = (np.stack([answers[m, s] for s in both]) for m in (method, control))
                if len(both) < 2:
                    continue
                gain = crossed_mean("gain", a.astype(float) - b)
                cell[f"over {control}"] = [gain.value, gain.low, gain.high]
            found.append(cell)
    return found


def unpacked(row, count):
    return np.unpackbits(np.frombuffer(bytes.fromhex(row["right"]), np.uint8))[:count] == 1


def mean_of(rows, method, key):
    values = [row[key] for row in rows if row["method"] == method and row[key] is not None]
    return float(np.mean(values)) if values else None


def main():
    import torch

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=(), help="names of cases")
    parser.add_argument("--methods", nargs="*", default=())
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kept = json.loads(arguments.out.read_text())["trainings"] if arguments.out.exists() else []
    done = {(row["case"], row["method"], row["seed"]) for row in kept}
    wanted = [
        (case, method, seed)
        for case in CASES
        if not arguments.only or case.name in arguments.only
        for method in case.methods
        if not arguments.methods or method in arguments.methods
        for seed in range(case.seeds)
    ]
    for case, method, seed in wanted:
        if (case.name, method, seed) in done:
            continue
        row = measure(case, method, seed, arguments.data)
        kept.append(row)
        report = {"summary": summary(kept), "trainings": kept}
        arguments.out.parent.mkdir(exist_ok=True)
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")
        told = f"{row['accuracy']:.3f} {row['rows']} rows {row['seconds']:.0f} s"
        print(case.name, method, seed, told, flush=True)


if __name__ == "__main__":
    main()
