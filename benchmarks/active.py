"""How many labels queries save: learning curves, time and memory, beside other libraries.

    python benchmarks/active.py                          an hour; goes on where it stopped
    python benchmarks/active.py --only margin typiclust  those alone, merged into the rest
    python benchmarks/active.py --peers DIR              modAL and scikit-activeml, too
    python benchmarks/active.py --again --on             time and memory alone, once more

DIR is a folder that has them: pip install --target DIR modAL-python scikit-activeml.

*Curves*: from a few random labels to 200, ten at a time; after each round the same logistic
regression is fitted on the labels there are, and judged on the test rows. Seeds are paired: under
one seed every query starts from the same labels and the same rows. *Scale*: one query of 20 among
20,000 items of 64 numbers in 10 classes, in a process of its own, under Linux.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "results" / "active.json"
SEEDS, BATCH, BUDGET = 10, 10, 200
POOL, TEST = 3000, 5000  # rows of MNIST that are drawn under each seed
SCALE = (20_000, 64, 10, 20)  # items, numbers of each, classes, items that are picked
LIBRARIES = {"modAL": "modAL-python", "scikit-activeml": "scikit-activeml"}


def libraries(folder):
    """Give the methods of every library, by its name and theirs."""
    from active_libraries import ours

    found = {"roadworthy": ours.methods()}
    if folder:
        sys.path.append(str(folder))
        from active_libraries import of_modal, of_scikit_activeml

        found |= {"modAL": of_modal.methods(), "scikit-activeml": of_scikit_activeml.methods()}
    return found


def digits(seed, folder):
    from roadworthy.sources import load_dataset

    data = load_dataset("digits")
    return (data.train.x.flatten(1).numpy(), data.train.y.numpy()), (
        data.test.x.flatten(1).numpy(),
        data.test.y.numpy(),
    )


def mnist(seed, folder):
    file = folder / "mnist.npz"
    if not file.exists():
        sys.exit(f"{file} is missing: name the folder that has it with --data")
    generator = np.random.default_rng(seed)
    with np.load(file) as data:
        rows = generator.permutation(len(data["x_train"]))[:POOL]
        judged = generator.permutation(len(data["x_test"]))[:TEST]
        x, y = data["x_train"][rows], data["y_train"][rows]
        other_x, other_y = data["x_test"][judged], data["y_test"][judged]
    flat = [part.reshape(len(part), -1) / np.float32(255) for part in (x, other_x)]
    return (flat[0], y.astype(np.int64)), (flat[1], other_y.astype(np.int64))


SETS = {"digits": digits, "mnist": mnist}


def curve(method, name, start, seed, folder):
    """Label up to the budget; gives the accuracy after each round, and seconds per query."""
    from active_libraries.situation import Situation

    (x, y), (judged, truth) = SETS[name](seed, folder)
    middle, spread = x.mean(), x.std()
    x, judged = (x - middle) / spread, (judged - middle) / spread
    needs, pick, *prepare = method
    labelled = first(y, start, np.random.default_rng([seed, start]))
    accuracy, seconds, kept = [], [], {}
    while True:
        now = Situation(x, labelled, y[labelled], int(y.max()) + 1, seed, kept)
        accuracy.append(float((now.model.predict(judged) == truth).mean()))
        if len(labelled) >= BUDGET:
            return accuracy, float(np.mean(seconds))
        now.prepare(needs)
        for step in prepare:
            step(now)
        n = BATCH - len(labelled) % BATCH
        started = time.process_time()
        found = np.asarray(pick(now, n))
        seconds.append(time.process_time() - started)
        labelled = np.concatenate([labelled, found])
        if len(np.unique(labelled)) < len(labelled):
            raise ValueError("an item was picked twice")


def first(y, start, generator):
    """Draw the first labels: by chance, but of two classes at least."""
    while True:
        labelled = generator.permutation(len(y))[:start]
        if len(np.unique(y[labelled])) > 1:
            return labelled


def area(accuracy, start):
    """Give the mean accuracy over the logarithm of labels."""
    labels = [start, *range(BATCH * (start // BATCH + 1), BUDGET + 1, BATCH)]
    return float(np.trapezoid(accuracy, np.log(labels)) / np.log(BUDGET / start))


def curves(method, name, start, folder):
    """Give the row of one method on one set."""
    found, seconds = [], []
    for seed in range(SEEDS):
        try:
            accuracy, each = curve(method, name, start, seed, folder)
        except (ValueError, UnboundLocalError) as error:  # a peer's fault is a result, too
            return {"failed": f"seed {seed}: {type(error).__name__}: {error}"}
        found.append([round(value, 4) for value in accuracy])
        seconds.append(each)
    return {
        "accuracy": found,
        "area": [round(area(accuracy, start), 5) for accuracy in found],
        "seconds": round(float(np.median(seconds)), 4),
    }


def at_scale(method):
    """Time one large query in this process, and see how much memory it takes beyond the data."""
    from active_libraries.situation import Situation

    items, width, classes, n = SCALE
    generator = np.random.default_rng(0)
    y = generator.integers(0, classes, items)
    middles = 0.5 * generator.standard_normal((classes, width))
    x = (middles[y] + generator.standard_normal((items, width))).astype(np.float32)
    needs, pick, *prepare = method
    for rows, count in ((500, 2), (items, n)):  # the first one is for what is loaded when used
        now = Situation(x[:rows], np.arange(100), y[:100], classes, 0, {})
        now.prepare(needs)
        for step in prepare:
            step(now)
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        before = memory("VmRSS")
        started = time.process_time()
        pick(now, count)
        seconds = time.process_time() - started
    return {"seconds": round(seconds, 3), "megabytes": round(memory("VmHWM") - before)}


def memory(kind):
    """Read what Linux says of this process, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(kind))


def compare(rows):
    """Hold every method against random picks under the same seeds."""
    from roadworthy.core.estimates import mean, paired_difference, proportion

    chance = {
        (row["data"], row["start"]): np.array(row["area"])
        for row in rows
        if (row["library"], row["method"]) == ("roadworthy", "random")
    }
    found = []
    for row in rows:
        against = chance.get((row["data"], row["start"]))
        if "area" not in row or against is None:
            continue
        own = np.array(row["area"])
        areas = mean("area", own, seed=0)
        gain = paired_difference("gain", own, against, seed=0)
        wins = proportion("wins", int((own > against).sum()), len(own))
        found.append(
            {key: row[key] for key in ("library", "method", "data", "start", "seconds")}
            | {
                name: [round(value, 4) for value in (part.value, part.low, part.high)]
                for name, part in (("area", areas), ("gain", gain), ("wins", wins))
            }
        )
    return found


def keep_row(out, part, keys, row):
    """Put one row into a part of the results, in place of the one of the same keys."""
    report = json.loads(out.read_text()) if out.exists() else {}
    others = [old for old in report.get(part, []) if any(old[key] != row[key] for key in keys)]
    report[part] = [*others, row]
    if part == "curves":
        report["compared"] = compare(report["curves"])
    packages = {"scikit-learn": "scikit-learn", "torch": "torch", **LIBRARIES}
    seen = {name: installed(package) for name, package in packages.items()}
    known = {**report.get("versions", {}), "python": platform.python_version()}
    report["versions"] = known | {name: found for name, found in seen.items() if found}
    report["protocol"] = {"seeds": SEEDS, "batch": BATCH, "budget": BUDGET, "scale": SCALE}
    report["protocol"] |= {"mnist pool": POOL, "mnist test": TEST}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")


def has_row(out, part, wanted):
    report = json.loads(out.read_text()) if out.exists() else {}
    return any(wanted.items() <= row.items() for row in report.get(part, []))


def installed(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def measured_alone(arguments, library, method):
    """Run `at_scale` of one method in a new process."""
    more = ["--peers", str(arguments.peers)] if arguments.peers else []
    command = [sys.executable, __file__, "--one", library, method, *more]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        return {"failed": ran.stderr.strip().rpartition("\n")[2]}
    return json.loads(ran.stdout)


def main():
    import torch

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=(), help="names of methods")
    parser.add_argument("--of", nargs="*", default=(), help="names of libraries")
    parser.add_argument("--on", nargs="*", default=list(SETS), help="names of data sets")
    parser.add_argument("--starts", nargs="*", type=int, default=[10, 2], help="first labels")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder of other libraries")
    parser.add_argument("--again", action="store_true", help="also what there is already")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    known = libraries(arguments.peers)
    if arguments.one:
        library, name = arguments.one
        with threadpool_limits(1):
            print(json.dumps(at_scale(known[library][name])))
        return
    for library, methods in known.items():
        for name, method in methods.items():
            is_meant = name in (arguments.only or methods) and library in (arguments.of or known)
            if is_meant:
                measure(arguments, {"library": library, "method": name}, method)


def measure(arguments, who, method):
    """Measure one method, as far as it has not been, and keep what was found."""
    if arguments.again or not has_row(arguments.out, "scale", who):
        row = who | measured_alone(arguments, **who)
        keep_row(arguments.out, "scale", tuple(who), row)
        print(row, flush=True)
    for where in ({"data": d, "start": s} for d in arguments.on for s in arguments.starts):
        this = who | where
        if arguments.again or not has_row(arguments.out, "curves", this):
            with threadpool_limits(1):  # fits this small spend their time on waiting threads
                row = this | curves(method, *where.values(), arguments.data)
            keep_row(arguments.out, "curves", tuple(this), row)
            print(this, np.mean(row.get("area", 0)), row.get("failed", ""), flush=True)


if __name__ == "__main__":
    main()
