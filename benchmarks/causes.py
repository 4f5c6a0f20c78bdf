"""Graphs, effects, simulated interventions and counterfactuals where the truth is known.

    python benchmarks/causes.py                                  ours; goes on where it stopped
    python benchmarks/causes.py --peer dowhy=/tmp/dowhy/bin/python
    python benchmarks/causes.py --peer castle=/tmp/castle/bin/python
    python benchmarks/causes.py --only effects --again

A peer runs in an interpreter of its own, that has it installed (pip install dowhy; pip install
gcastle torch), on the same rows. Each does what it does by default, but for the number of resamples
and of repetitions, which are ours.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections import defaultdict
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))  # a peer's interpreter starts this file, too
from causal_libraries.problems import (
    ADJUSTED,
    GRAPHS,
    NOISES,
    SHAPES,
    Simulated,
    graph_rows,
)

OUT = Path(__file__).parent / "results" / "causes.json"
LIBRARIES = {"roadworthy": "ours", "dowhy": "of_dowhy", "castle": "of_castle"}
PACKAGES = {"roadworthy": "roadworthy", "dowhy": "dowhy", "castle": "gcastle"}
DRAWS = {"graphs": 20, "stable": 20, "effects": 100, "refutations": 50, "simulations": 50}
DRAWS |= {"counterfactuals": 20, "experiments": 40}
RESAMPLES = 40
KEYS = ("library", "part", "problem", "method")


def graphs(library, draws, of="graphs"):
    """Compare arrows that are found with those of the graph that made the rows."""
    for problem, (d, n) in GRAPHS.items():
        for noise in NOISES:
            for method, find in getattr(library, of)().items():
                for seed in range(draws):
                    rows, truth = graph_rows(d, n, noise, seed)
                    found, seconds = timed(find, rows)
                    is_arrow, met = found & ~found.T, found | found.T
                    yield {
                        "problem": f"{problem}, {noise} noise",
                        "method": method,
                        "seconds": seconds,
                        "neighbors": np.triu(met & (truth | truth.T)).sum(),
                        "said neighbors": np.triu(met).sum(),
                        "right": (is_arrow & truth).sum(),
                        "said": is_arrow.sum(),
                        "true": truth.sum(),
                    }


def stable(library, draws):
    return graphs(library, draws, "stable")


def effects(library, draws):
    """Estimate an effect that is 1."""
    for problem, design in ADJUSTED.items():
        for method, estimate in library.effects(design.is_binary).items():
            for seed in range(draws):
                (value, low, high), seconds = timed(estimate, *design.draw(seed))
                yield row_of(problem, method, seconds, value, low, high, 1.0)


def refutations(library, draws):
    """Hold sound estimates against what should agree."""
    for problem in ("number, lines", "two values, lines"):
        for seed in range(draws):
            found, seconds = timed(library.refuted, *ADJUSTED[problem].draw(seed))
            for kind, is_refuted in found.items():
                share = seconds / len(found)
                yield {"problem": problem, "method": kind, "seconds": share, "refuted": is_refuted}


def simulations(library, draws):
    """Say how the mean of the last variable changes when another one is set."""
    for problem, shape in SHAPES.items():
        for seed in range(draws):
            asked = Simulated(seed, shape)
            (value, low, high), seconds = timed(library.intervened, asked, RESAMPLES)
            yield row_of(problem, "simulation", seconds, value, low, high, asked.truth)


def counterfactuals(library, draws):
    """Say what the last variable of a row would have been."""
    for problem, shape in SHAPES.items():
        for seed in range(draws):
            asked = Simulated(seed, shape)
            were, set_to, truth = asked.asked()
            said, seconds = timed(library.would_have_been, asked, were, set_to)
            off = np.abs(said - truth).mean()
            yield {"problem": problem, "method": "counterfactual", "seconds": seconds, "off": off}


def experiments(library, draws):
    """Judge declared graphs by rows in which a column was set."""
    for problem, graph in library.DECLARED.items():
        for n in (400, 4000):
            for seed in range(draws):
                verdict, seconds = timed(library.verdict_of_experiment, graph, n, seed)
                yield {
                    "problem": problem,
                    "method": f"{n} rows",
                    "seconds": seconds,
                    "verdict": verdict,
                }


PARTS = {
    part.__name__: part
    for part in (graphs, stable, effects, refutations, simulations, counterfactuals, experiments)
}
NEEDS = {"graphs": "graphs", "stable": "stable", "effects": "effects", "refutations": "refuted"}
NEEDS |= {"simulations": "intervened", "counterfactuals": "would_have_been"}
NEEDS |= {"experiments": "verdict_of_experiment"}


def timed(function, *given):
    started = time.process_time()
    found = function(*given)
    return found, time.process_time() - started


def row_of(problem, method, seconds, value, low, high, truth):
    return {
        "problem": problem,
        "method": method,
        "seconds": seconds,
        "off": value - truth,
        "low": low - truth,
        "high": high - truth,
    }


def work(name, part):
    """Print what a library answers, a line per draw."""
    library = import_module(f"causal_libraries.{LIBRARIES[name]}")
    if not hasattr(library, NEEDS[part]):
        return
    print(json.dumps({"version": version(PACKAGES[name])}))
    for row in PARTS[part](library, DRAWS[part]):
        plain = {key: getattr(value, "item", lambda v=value: v)() for key, value in row.items()}
        print(json.dumps(plain), flush=True)


def answers(python, name, part):
    """Give the version of a library, and its rows by problem and method."""
    command = [python, "-W", "ignore", __file__, "--work", name, part]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    first, *lines = ran.stdout.splitlines() or ["{}"]
    found = defaultdict(list)
    for line in lines:
        row = json.loads(line)
        found[row.pop("problem"), row.pop("method")].append(row)
    return json.loads(first).get("version"), found


def by_key(rows):
    """Turn rows into a list per key."""
    return {
        key: [round(row[key], 5) if isinstance(row[key], float) else row[key] for row in rows]
        for key in rows[0]
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--again", action="store_true", help="also what there is already")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*options.work)
        return
    pythons = {"roadworthy": sys.executable} | dict(one.split("=", 1) for one in options.peer)
    report = json.loads(options.out.read_text()) if options.out.exists() else {"rows": []}
    for part in options.only:
        for name, python in pythons.items():
            own = [r for r in report["rows"] if (r["library"], r["part"]) == (name, part)]
            if own and not options.again:
                continue
            number, found = answers(python, name, part)
            report["rows"] = [row for row in report["rows"] if row not in own]
            for (problem, method), rows in found.items():
                keys = dict(zip(KEYS, (name, part, problem, method), strict=True))
                report["rows"].append(keys | by_key(rows))
            versions = report.setdefault("versions", {"python": platform.python_version()})
            if number:
                versions[name] = number
            report["protocol"] = {"draws": DRAWS, "resamples": RESAMPLES}
            options.out.write_text(json.dumps(report) + "\n")
            print(name, part, len(found), "rows", flush=True)


if __name__ == "__main__":
    main()
