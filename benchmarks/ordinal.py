"""Ordinal heads: this package beside coral-pytorch, dlordinal, mord and spacecutter, in one run.

    python benchmarks/ordinal.py [--data ../shared/data/ordinal] [--peers FOLDER]
                                 [--fireman FOLDER] [--splits 5]

Every network has the same backbone, the same start, the same batches in the same order and the same
number of epochs; only the head and its loss differ. mord's models are linear, on the same encoded
columns. Nothing is tuned. Splits are those that come with a table, else stratified random ones,
three quarters to train on. `--peers` is a folder of packages that are not installed. Results are
written after every table and taken up where a run was stopped.

`--fireman` is a folder with train.csv, valid.csv and test.csv of the CORN paper
(Raschka-research-group/corn-ordinal-neuralnet, datasets/firemen); the part is left out without it.
"""

import argparse
import json
import platform
import sys
import time
import warnings
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from sklearn.model_selection import train_test_split

from benchmarks import ordinal_peers
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.ordinal_measures import (
    accuracy,
    balanced_absolute_error,
    breaks_order,
    confusion,
    mean_absolute_error,
    quadratic_kappa,
    root_mean_square_error,
)
from roadworthy.core.progress import Silent
from roadworthy.networks import NETWORKS, Part
from roadworthy.networks.heads.rank_head import RankHead
from roadworthy.recipes import MLP
from roadworthy.sources import load_dataset, make_dataset
from roadworthy.strategies import (
    CDWCE,
    CORAL,
    CORN,
    ORNN,
    SORD,
    CumulativeLinkModel,
    EarthMoverLoss,
    RankRegression,
    UnimodalProbabilities,
)
from roadworthy.training.loop import fit_plan
from roadworthy.training.trained import Defended, plan_of

DATA = Path(__file__).parents[2] / "shared" / "data" / "ordinal"
OUT = Path(__file__).parent / "results" / "ordinal.json"
CARS = ("unacc", "acc", "good", "vgood")
USE = ("none", "low", "average", "good", "best")
TABLES = {  # name to target and its classes from the lowest to the highest; the smallest first
    "orca_pasture": None,
    "orca_pyrim10": None,
    "wisconsin_breast_ord": ("response", True),
    "machine_ord": ("response", True),
    "affairs": ("response", True),
    "orca_toy": None,
    "auto_ord": ("response", True),
    "bostonhousing_ord": ("response", True),
    "eucalyptus": ("Utility", USE),
    "cement_strength": ("response", True),
    "winequality-red": ("response", True),
    "car_evaluation": ("class", CARS),
}
RECIPE = MLP(width=32, depth=2, epochs=60, batch=64, rate=1e-2)
OURS = {
    "cross-entropy": None,
    "or-nn": ORNN(),
    "coral": CORAL(),
    "corn": CORN(),
    "cumulative-link": CumulativeLinkModel(),
    "cumulative-link probit": CumulativeLinkModel(link="probit"),
    "sord": SORD(),
    "unimodal": UnimodalProbabilities(),
    "earth-mover": EarthMoverLoss(),
    "cdw-ce": CDWCE(),
    "rank-regression": RankRegression(),
}
FIREMAN = {  # rate and batch of the paper's logs; their MAE over 5 seeds of 200 epochs
    "cross-entropy": (1e-3, 128, 0.798, 0.004),
    "or-nn": (5e-4, 128, 0.756, 0.010),
    "coral": (5e-4, 64, 0.820, 0.006),
    "corn": (1e-3, 128, 0.764, 0.005),
}
MEASURES = {
    "mae": mean_absolute_error,
    "amae": balanced_absolute_error,
    "rmse": root_mean_square_error,
    "qwk": quadratic_kappa,
    "accuracy": accuracy,
}


def tables(data, name, splits):
    """Each split of a table, as a dataset."""
    if name.startswith("orca"):
        arrays = np.load(data / f"{name}.npz")
        for number in range(splits):
            parts = [arrays[f"{part}_{number:02d}"] for part in ("train", "test")]
            whole = np.concatenate(parts)
            is_test = np.arange(len(whole)) >= len(parts[0])
            yield of_arrays(whole[:, :-1], whole[:, -1], is_test, name)
        return
    target, ordinal = TABLES[name]
    loaded = load_dataset(data / f"{name}.csv.gz", target=target, ordinal=ordinal)
    whole = Split.together("all", *loaded.splits)
    for seed in range(splits):
        train, test = train_test_split(
            np.arange(len(whole)), test_size=0.25, random_state=seed, stratify=rare(whole.y)
        )
        yield with_split(loaded, whole, train, test)


def rare(y):
    """Classes to stratify by: those of one row go with the one below."""
    y = y.numpy().copy()
    for label in np.unique(y)[::-1]:  # by class: merging one changes the next
        if (y == label).sum() < 2:
            y[y == label] = max(0, label - 1)
    return y


def with_split(data, whole, train, test):
    return replace(
        data,
        splits=(
            replace(whole.take(torch.as_tensor(train)), name="train"),
            replace(whole.take(torch.as_tensor(test)), name="test"),
        ),
    )


def of_arrays(x, y, is_test, name) -> Dataset:
    data = make_dataset(x, y.astype(int), task="ordinal", name=name)
    whole = Split.together("all", *data.splits)
    order = np.concatenate([split.ids.numpy() for split in data.splits]).argsort()
    return with_split(data, whole, order[~is_test], order[is_test])


def plan_with(name, data, recipe, seed):
    """What is trained: one of our heads, or that of a peer in its place."""
    if name in OURS:
        changed = recipe if OURS[name] is None else Defended(recipe, (OURS[name],))
        return plan_of(changed, data, data.train, seed, Silent())
    head, outputs = ordinal_peers.HEADS[name]
    NETWORKS[name] = head
    classes = len(data.classes)
    plan = plan_of(recipe, data, data.train, seed, Silent())
    return plan.with_head(name, outputs(classes), Part(name, {"classes": classes}))


@torch.no_grad()
def judged(network, data):
    """What a network answers on the test rows, and how many of its rows break the order."""
    raw = network[:-1](data.test.x)
    answers = network(data.test.x).argmax(1).numpy()
    broken = None
    if isinstance(network[-1], RankHead):
        broken = int(breaks_order(network[-1].is_above(raw).double().numpy(), 1e-6).sum())
    return answers, broken


def linear(name, data):
    """What mord's linear model answers, on columns encoded as our networks encode them."""
    encode = fit_plan(plan_with("cross-entropy", data, replace(RECIPE, epochs=1), 0), Silent())[0]
    with torch.no_grad():
        x, of = (encode(split.x).double().numpy() for split in (data.train, data.test))
    return ordinal_peers.linear_answers(name, x, data.train.y.numpy(), of)


def measured(name, data, recipe, seed):
    """The measures of one method on one split; NaN where its training failed."""
    start = time.process_time()
    broken = None
    try:
        if name in ordinal_peers.LINEAR:
            answers = linear(name, data)
        else:
            answers, broken = judged(fit_plan(plan_with(name, data, recipe, seed), Silent()), data)
    except InputError:  # its loss became NaN: a result, too
        found = dict.fromkeys(MEASURES, float("nan"))
    else:
        counts = confusion(data.test.y.numpy(), answers, len(data.classes))
        found = {key: float(measure(counts)) for key, measure in MEASURES.items()}
    found["broken"] = broken
    found["seconds"] = time.process_time() - start
    return found


def run_tables(data, out, splits, names):
    """Every method on every table, one table after the other."""
    result = json.loads(out.read_text()) if out.exists() else {"tables": {}}
    for table in TABLES:
        kept = result["tables"].get(table, {"splits": 0, "methods": {}})
        missing = [name for name in names if name not in kept["methods"]]
        if kept["splits"] >= splits and not missing:
            continue
        found = {name: [] for name in names}
        for seed, dataset in enumerate(tables(data, table, splits)):
            for name in names:
                found[name].append(measured(name, dataset, RECIPE, seed))
        result["tables"][table] = {
            "rows": sum(map(len, dataset.splits)),
            "columns": dataset.train.x.shape[1],
            "classes": len(dataset.classes),
            "test_rows": len(dataset.test),
            "splits": splits,
            "methods": {name: by_measure(rows) for name, rows in found.items()},
        }
        keep(out, result)
        best = min(names, key=lambda name: np.nanmean([row["mae"] for row in found[name]]))
        print(f"{table}: least MAE by {best}", flush=True)
    return result


def by_measure(rows):
    return {key: [row[key] for row in rows] for key in rows[0]}


def keep(out, result):
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1) + "\n")
    partial.replace(out)


def run_fireman(folder, out, result):
    """The CORN paper's table by its networks, at 30 epochs of its 200 and one seed."""
    parts = [np.loadtxt(folder / f"{n}.csv", delimiter=",", skiprows=1) for n in ("train", "test")]
    whole = np.concatenate(parts)
    is_test = np.arange(len(whole)) >= len(parts[0])
    data = of_arrays(whole[:, 1:], whole[:, 0], is_test, "fireman")
    rows = result.setdefault("fireman", {})
    for name, (rate, batch, paper, spread) in FIREMAN.items():
        if name not in rows:
            recipe = MLP(width=300, depth=2, epochs=30, batch=batch, rate=rate)
            rows[name] = measured(name, data, recipe, 0) | {"paper": paper, "spread": spread}
            rows[name]["test_rows"] = len(data.test)
            keep(out, result)
            print(f"fireman {name}: {rows[name]['mae']:.3f} (paper {paper})", flush=True)


def mean_ranks(result):
    """The mean rank of each method over tables by mean absolute error, and Nemenyi's distance."""
    found = list(result["tables"].values())
    names = [name for name in found[0]["methods"] if all(name in t["methods"] for t in found)]
    errors = [[np.nanmean(t["methods"][name]["mae"]) for name in names] for t in found]
    ranks = stats.rankdata(np.round(errors, 9), axis=1).mean(0)
    k, n = len(names), len(found)
    quantile = stats.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)
    friedman = stats.friedmanchisquare(*np.transpose(errors))
    return {
        "names": names,
        "ranks": ranks.tolist(),
        "tables": n,
        "critical_difference": float(quantile * np.sqrt(k * (k + 1) / (6 * n))),
        "friedman_p": float(friedman.pvalue),
    }


def draw(found, path):
    """Demšar's diagram: mean ranks on a line; bars join what Nemenyi's test cannot tell apart."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "ordinal"
    from matplotlib import pyplot

    order = np.argsort(found["ranks"])
    ranks, names = np.array(found["ranks"])[order], np.array(found["names"])[order]
    far = found["critical_difference"]
    figure, axes = pyplot.subplots(figsize=(8, 0.27 * len(ranks) + 0.8), layout="constrained")
    rows = np.arange(len(ranks))
    axes.hlines(rows, ranks - far / 2, ranks + far / 2, color="#8a97a6", lw=2)
    is_ours = np.isin(names, list(OURS))
    axes.scatter(ranks[is_ours], rows[is_ours], color="#1b5e8c", zorder=3, label="Roadworthy")
    axes.scatter(
        ranks[~is_ours], rows[~is_ours], color="#b3541e", marker="D", zorder=3, label="others"
    )
    axes.axvline(ranks[0] + far / 2, color="#8a97a6", lw=0.8, ls=":")
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set_xlabel(
        "mean rank by mean absolute error; lines that do not meet differ (Nemenyi, 5 %)"
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower left", frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def installed(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def main():
    parser = argparse.ArgumentParser(description="Compare ordinal heads.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--fireman", type=Path)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if options.peers:
        sys.path.append(str(options.peers))
    warnings.filterwarnings("ignore")  # of the peers
    torch.set_num_threads(1)
    peers = filter(ordinal_peers.is_there, (*ordinal_peers.HEADS, *ordinal_peers.LINEAR))
    result = run_tables(options.data, options.out, options.splits, [*OURS, *peers])
    if options.fireman:
        run_fireman(options.fireman, options.out, result)
    packages = ("torch", "scikit-learn", *ordinal_peers.REPORTED)
    result["versions"] = {"python": platform.python_version()}
    result["versions"] |= {package: installed(package) for package in packages}
    result["recipe"] = {"width": RECIPE.width, "depth": RECIPE.depth, "epochs": RECIPE.epochs}
    result["recipe"] |= {"batch": RECIPE.batch, "rate": RECIPE.rate}
    result["ranking"] = mean_ranks(result)
    keep(options.out, result)
    draw(result["ranking"], options.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
