"""How often an inspection finds flaws that were planted, and how often it finds what is not there.

python benchmarks/audit.py                                    clean and planted, half an hour
python benchmarks/audit.py --clean --draws 20                 false alarms only
python benchmarks/audit.py --planted --only "label errors"    those flaws, merged into the rest
python benchmarks/audit.py --peers --peer deepchecks=/tmp/deepchecks/bin/python [...]

*Clean*: data sets without a flaw, inspected with a linear model; each `fail` is a false alarm.
*Planted*: flaws in graded strength; a flaw is found where a check that is meant for it fails or
warns. *Peers*: the same data sets, and real ones with known flaws, given to other tools, each run
by the interpreter of an environment of its own; those that are not given keep their results, and
those whose rows lie in the folder of --work are not run again.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "results" / "audit.json"


def share(hits, n):
    from roadworthy.core.estimates import proportion

    found = proportion("share", int(hits), n)
    return [found.value, found.low, found.high]


def clean(draws):
    """Inspect each clean design several times; yields what was found so far."""
    from planted_flaws.clean import CLEAN
    from planted_flaws.inspected import inspect_case

    alarms, verdicts, failed = [], {}, 0
    for number, design in enumerate(CLEAN):
        for draw in range(draws):
            case = design.draw(np.random.default_rng([0, number, draw]))
            findings = inspect_case(case, seed=draw).findings
            failed += any(finding.verdict == "fail" for finding in findings)
            for finding in findings:
                of_check = verdicts.setdefault(finding.check, {})
                of_check[finding.verdict] = of_check.get(finding.verdict, 0) + 1
                if finding.verdict in ("fail", "error"):
                    where = {"design": design.name, "draw": draw, "check": finding.check}
                    alarms.append({**where, "scope": finding.scope, "claim": finding.claim})
        print(design.name, f"{len(alarms)} alarms so far", flush=True)
    n = len(CLEAN) * draws
    return {
        "designs": [design.name for design in CLEAN],
        "draws": draws,
        "inspections_with_a_fail": [failed, n, *share(failed, n)],
        "checks": [row_of_check(name, counts) for name, counts in sorted(verdicts.items())],
        "alarms": alarms,
    }


def row_of_check(name, counts):
    judged = sum(counts.get(verdict, 0) for verdict in ("pass", "warn", "fail"))
    row = {"check": name, "judged": judged, **{str(key): n for key, n in counts.items()}}
    return row if not judged else {**row, "fails": share(counts.get("fail", 0), judged)}


def planted(names, draws):
    """Measure how often each flaw is found in each grade; yields one row per flaw."""
    from audit_peers.claims import OURS
    from planted_flaws.flaws import FLAWS
    from planted_flaws.inspected import inspect_case

    from roadworthy.checks import CHECKS

    for number, flaw in enumerate(FLAWS):
        if names and flaw.name not in names:
            continue
        checks = tuple(name.partition(":")[0] for name in OURS[flaw.name])
        if not any(name in CHECKS for name in checks):
            continue
        grades = []
        for strength in flaw.grades:
            verdicts = []
            for draw in range(draws):
                generator = np.random.default_rng([1, number, draw])
                case = flaw.plant(flaw.design.draw(generator), strength, generator)
                found = inspect_case(case, checks, seed=draw)
                verdicts.append(found.verdict(OURS[flaw.name]))
            fails = verdicts.count("fail")
            grades.append(
                {
                    "strength": strength,
                    "found": share(fails + verdicts.count("warn"), draws),
                    "failed": share(fails, draws),
                    "not_judged": draws - sum(verdicts.count(v) for v in ("fail", "warn", "pass")),
                }
            )
        yield {
            "flaw": flaw.name,
            "unit": flaw.unit,
            "checks": list(checks),
            "draws": draws,
            "grades": grades,
        }


def peers(pythons, data, work):
    """Let every tool look at the same cases; yields its name, version, and what it reported."""
    from audit_peers.exchange import cases, of_peer, ours, version_of, write

    import roadworthy

    made = cases(data)
    for name, _, _, case in made:
        write(name, case, work / "cases" / name)
    known = [{"case": name, "kind": kind, "flaws": list(flaws)} for name, kind, flaws, _ in made]
    yield "cases", "", known
    yield "roadworthy", roadworthy.__version__, ours(made, work / "roadworthy.jsonl")
    for peer, python in pythons.items():
        rows = of_peer(peer, python, work / "cases", work / f"{peer}.jsonl")
        yield peer, version_of(peer, python), rows


def only_claims(tool, rows):
    """Leave out of a tool's rows the reports that count for no flaw."""
    from audit_peers.claims import claimed

    return [
        {**row, "reported": claimed(tool, row["reported"])} if "reported" in row else row
        for row in rows
    ]


def keep(out, name, value):
    """Write one part of the results beside the others, as they are by now."""
    report = json.loads(out.read_text()) if out.exists() else {}
    report[name] = value
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n")


def keep_row(out, name, key, row):
    """Replace the row of one thing in a part of the results, where it stands."""
    report = json.loads(out.read_text()) if out.exists() else {}
    rows = {old[key]: old for old in report.get(name, [])} | {row[key]: row}
    keep(out, name, list(rows.values()))


def main():
    import torch

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=(), help="names of flaws")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--clean", action="store_true", help="only false alarms")
    parser.add_argument("--planted", action="store_true", help="only planted flaws")
    parser.add_argument("--peers", action="store_true", help="only other tools, and ours beside")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keeps what peers wrote")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    is_all = not (arguments.clean or arguments.planted or arguments.peers)
    if arguments.clean or is_all:
        keep(arguments.out, "clean", clean(arguments.draws))
    if arguments.planted or is_all:
        for row in planted(arguments.only, arguments.draws):
            keep_row(arguments.out, "planted", "flaw", row)
            curve = " ".join(f"{grade['found'][0]:.1f}" for grade in row["grades"])
            print(row["flaw"], curve, flush=True)
    if arguments.peers:
        from audit_peers.scores import compare

        pythons = dict(peer.split("=", 1) for peer in arguments.peer)
        with tempfile.TemporaryDirectory() as folder:
            work = arguments.work or Path(folder)
            for name, version, rows in peers(pythons, arguments.data, work):
                part = {"name": name, "version": version, "rows": only_claims(name, rows)}
                keep_row(arguments.out, "peers", "name", part)
            report = json.loads(arguments.out.read_text())
            reports = {part["name"]: part["rows"] for part in report["peers"]}
            keep(arguments.out, "compared", compare(reports.pop("cases"), reports))


if __name__ == "__main__":
    main()
