"""Cases for all tools, written as files that peers read, and what each tool reports about them."""

import json
import subprocess
import time
from pathlib import Path

import numpy as np
import polars as pl
from planted_flaws.clean import CLEAN
from planted_flaws.flaws import FLAWS
from planted_flaws.inspected import inspect_case, is_numbers, names_of
from planted_flaws.real import real_cases

HERE = Path(__file__).parent
GRADES = (2, 5)  # of each flaw: a weak one and the strongest
LONGEST = 1500  # seconds for all cases of a tool


def cases(data):
    """Give every case: a name, what kind it is, its known flaws, and the case.

    Args:
        data: folder of real data.
    """
    made = []
    for number, design in enumerate(CLEAN):
        if design.kind != "image":
            case = design.draw(np.random.default_rng([2, number]))
            made.append((f"clean: {design.name}", "clean", (), case))
    for number, flaw in enumerate(FLAWS):
        if flaw.design.kind == "image":  # the peers look at tables
            continue
        for grade in GRADES:
            generator, strength = np.random.default_rng([3, number, 0]), flaw.grades[grade]
            case = flaw.plant(flaw.design.draw(generator), strength, generator)
            made.append((f"planted: {flaw.name} {strength} 0", "planted", (flaw.name,), case))
    for name, (case, flaws) in real_cases(data).items():
        made.append((f"real: {name}", "real", flaws, case))
    return made


def write(name, case, folder):
    """Write a case as `rows.csv` and `about.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    table = case.x
    if is_numbers(table):
        table = pl.DataFrame({f"column {j}": column for j, column in enumerate(table.T)})
        table = table.with_columns(pl.all().fill_nan(None))
    about = {
        "name": name,
        "features": table.columns,
        "roles": list(case.roles),
        "is_number": bool(case.is_number),
        "keep": case.keep,
    }
    more = {name: pl.Series(list(values)) for name, values in case.columns.items()}
    seen = case.is_train if case.is_seen is None else case.is_seen
    more |= {"target": pl.Series(case.y), "part": pl.Series(list(case.part)), "is_seen": seen}
    table.with_columns(**more).write_csv(folder / "rows.csv")
    (folder / "about.json").write_text(json.dumps(about))


def ours(made, out):
    """Inspect every case, unless the file of rows is there; `warn: ` stands before what warns."""
    if out.exists():
        return rows_in(out)
    rows = []
    for name, _, _, case in made:
        found, reported = inspect_case(case), []
        for finding in found.findings:
            if finding.verdict in ("warn", "fail"):
                mark = "warn: " if finding.verdict == "warn" else ""
                reported += [f"{mark}{each}" for each in names_of(finding)]
        rows.append({"case": name, "reported": sorted(reported), "seconds": found.seconds})
    out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


def of_peer(name, python, folder, out):
    """Let a peer check every case of a folder; gives its rows, as far as it came in time.

    Args:
        name: of the peer.
        python: the interpreter of an environment that has it.
        folder: of cases.
        out: the file of its rows; where it is there already, the peer is not run.
    """
    if out.exists():
        return rows_in(out)
    script = HERE / f"of_{name}.py"
    environment = {"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": str(out.parent)}
    started = time.monotonic()
    try:
        ran = subprocess.run(
            [python, "-W", "ignore", script, folder, out],
            capture_output=True,
            text=True,
            timeout=LONGEST,
            env=environment,
            check=False,
        )
        if ran.returncode:
            print(name, "ended early:", ran.stderr.strip().rpartition("\n")[2])
    except subprocess.TimeoutExpired:
        print(name, f"was stopped after {LONGEST} s")
    rows = rows_in(out)
    print(name, len(rows), "cases in", round(time.monotonic() - started), "s", flush=True)
    return rows


def rows_in(file):
    """Read what a peer wrote."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def version_of(name, python):
    """Ask a peer's environment which version of it is there."""
    command = f"from importlib.metadata import version; print(version({name!r}))"
    ran = subprocess.run([python, "-c", command], capture_output=True, text=True, check=True)
    return ran.stdout.strip()
