"""Label-error ranking: this package, cleanlab and plain self-confidence side by side.

    python benchmarks/label_errors.py [--data ../shared/data] [--out FILE]

Reviewed sets: a confirmed error is an item for which fewer than 3 of 5 people voted for the given
label alone ("both" is not such a vote); `strict` also counts "both" as one. Only even ids that an
earlier confident-learning run had flagged were reviewed, so a recall would be circular and
precision is a lower bound. Variant `even_ids`: all even ids, those without a review count as not
errors. Variant `reviewed_ids`: every other id is removed from the ranking first.
Planted sets: digits with flips drawn here, so that every error is known; average precision.
"""

import argparse
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from roadworthy.core.confident_learning import find_label_issues

FIRST = (25, 50, 100)
SETS = {"cifar10": "cifar10_10k.npz", "mnist": "mnist.npz"}
DATA = Path(__file__).parents[2] / "shared" / "data"
OUT = Path(__file__).parent / "results" / "label_errors.json"


def rankings(probs, labels):
    """Sample indices, most suspicious first; a cleanlab list ends where it flags no more."""
    own = probs[np.arange(len(labels)), labels]
    others = np.where(np.eye(probs.shape[1], dtype=bool)[labels], -1, probs).max(1)
    found = {
        f"roadworthy {rule}": find_label_issues(
            torch.tensor(probs), torch.tensor(labels), rule
        ).order.numpy()
        for rule in ("off_diagonal", "noise_rate", "both")
    }
    found["self-confidence"] = own.argsort(kind="stable")
    found["normalized margin"] = (own - others).argsort(kind="stable")
    try:
        from cleanlab.filter import find_label_issues as cleanlab_issues
    except ImportError:
        return found
    for rank in ("self_confidence", "normalized_margin"):
        found[f"cleanlab {rank}"] = cleanlab_issues(
            labels, probs, return_indices_ranked_by=rank, n_jobs=1
        )
    return found


def reviewed(data, name):
    probs = np.load(data / f"label_errors_{name}_pred_probs.npz")["pred_probs"].astype(np.float64)
    labels = np.load(data / SETS[name])["y_test"].astype(np.int64)
    reviews = json.loads((data / f"label_errors_{name}_even_ids.json").read_text())
    ids = np.array([review["id"] for review in reviews])
    given = np.array([review["mturk"]["given"] for review in reviews])
    both = np.array([review["mturk"].get("both", 0) for review in reviews])
    errors, strict = ids[given < 3], ids[given + both < 3]
    methods = {}
    for method, order in rankings(probs, labels).items():
        lists = {
            "even_ids": order[order % 2 == 0],
            "reviewed_ids": order[np.isin(order, ids)],
        }
        methods[method] = {
            variant: {
                # a list shorter than k is judged by the same k: places left empty find nothing
                "length": len(kept),
                "errors_found": {k: int(np.isin(kept[:k], errors).sum()) for k in FIRST},
                "precision": {k: float(np.isin(kept[:k], errors).sum() / k) for k in FIRST},
                "strict_errors_found": {k: int(np.isin(kept[:k], strict).sum()) for k in FIRST},
            }
            for variant, kept in lists.items()
        }
    issues = find_label_issues(torch.tensor(probs), torch.tensor(labels))
    return {
        "reviewed": len(ids),
        "errors": len(errors),
        "strict_errors": len(strict),
        "estimated_noise_rate": issues.noise_rate,
        "flagged": int(issues.is_issue.sum()),
        "methods": methods,
    }


def flipped(labels, kind, rate, rng):
    """Labels with a share of them changed: to any other class, or always to the next one."""
    step = rng.integers(1, 10, len(labels)) if kind == "uniform" else 1
    return np.where(rng.random(len(labels)) < rate, (labels + step) % 10, labels)


def planted(seeds=5):
    x, true = load_digits(return_X_y=True)
    result = {}
    for kind in ("uniform", "next_class"):
        for rate in (0.02, 0.1):
            scores = {}
            for seed in range(seeds):
                given = flipped(true, kind, rate, np.random.default_rng(seed))
                folds = StratifiedKFold(5, shuffle=True, random_state=seed)
                model = LogisticRegression(C=0.05, max_iter=1000)
                probs = cross_val_predict(model, x / 16, given, cv=folds, method="predict_proba")
                for method, order in rankings(probs, given).items():
                    if len(order) == len(given):
                        suspicion = -order.argsort()
                        ap = average_precision_score(given != true, suspicion)
                        scores.setdefault(method, []).append(ap)
            result[f"{kind} {rate}"] = {
                method: {"mean": float(np.mean(ap)), "seeds": ap} for method, ap in scores.items()
            }
    return result


def installed(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def main():
    parser = argparse.ArgumentParser(description="Compare rankings of suspicious labels.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    packages = ("cleanlab", "numpy", "scikit-learn", "torch")
    with threadpool_limits(1):  # fits this small spend their time on waiting threads
        planted_average_precision = planted()
    result = {
        "versions": {"python": platform.python_version()} | {p: installed(p) for p in packages},
        "error_definition": "votes for the given label alone < 3 of 5; strict: given + both < 3",
        "limits": "only candidates with even ids were reviewed: recall would be circular, "
        "precision is a lower bound; with 35 and 5 errors a difference of 1 or 2 is chance",
        "reviewed": {name: reviewed(options.data, name) for name in SETS},
        "planted_average_precision": planted_average_precision,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    for name, found in result["reviewed"].items():
        print(f"{name}: {found['errors']} errors in {found['reviewed']} reviewed")
        for method, lists in found["methods"].items():
            cells = [list(kept["errors_found"].values()) for kept in lists.values()]
            strict = [list(kept["strict_errors_found"].values()) for kept in lists.values()]
            print(f"  {method:28s} even {cells[0]}  reviewed {cells[1]}  strict {strict}")
    for noise, methods in result["planted_average_precision"].items():
        means = ", ".join(f"{method} {ap['mean']:.3f}" for method, ap in methods.items())
        print(f"planted {noise}: {means}")


if __name__ == "__main__":
    main()
