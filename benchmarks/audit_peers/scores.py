"""What each tool found of the known flaws, what it made up, and how long that took."""

from .claims import CLAIMS, found_by


def compare(cases, reports):
    """Score every way of judging a tool's reports.

    Args:
        cases: rows of `case`, `kind` and `flaws`.
        reports: by tool, rows of `case`, `seconds`, and `reported` unless the tool broke.
    """
    judged = {
        tool: {r["case"]: r for r in rows if "reported" in r} for tool, rows in reports.items()
    }
    common = set.intersection(*(set(rows) for rows in judged.values()))
    seconds = {tool: sum(rows[case]["seconds"] for case in common) for tool, rows in judged.items()}
    return [
        {
            "tool": name,
            **score(cases, judged[name.partition(" ")[0]], claims),
            "ratio": seconds[name.partition(" ")[0]] / seconds["roadworthy"],
        }
        for name, claims in CLAIMS.items()
        if name.partition(" ")[0] in judged
    ]


def score(cases, rows, claims):
    """Count what was found; a count is a pair: how many, and of how many that were judged."""
    kinds = {"planted": [0, 0], "real": [0, 0]}
    flaws = {flaw: [0, 0] for case in cases for flaw in case["flaws"]}
    false, false_by_flaw = [0, 0], dict.fromkeys(claims, 0)
    for case in cases:
        if case["case"] not in rows:
            continue
        reported = rows[case["case"]]["reported"]
        if case["kind"] == "clean":
            made_up = [flaw for flaw in claims if found_by(claims, flaw, reported)]
            false = [false[0] + bool(made_up), false[1] + 1]
            false_by_flaw |= {flaw: false_by_flaw[flaw] + 1 for flaw in made_up}
        for flaw in case["flaws"]:
            for count in (kinds[case["kind"]], flaws[flaw]):
                count[0] += found_by(claims, flaw, reported)
                count[1] += 1
    return {
        **kinds,
        "false": false,
        "judged": len(rows),
        "flaws": flaws,
        "false_by_flaw": false_by_flaw,
    }
