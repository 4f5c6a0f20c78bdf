"""The page about few-shot learners on alphabets that they have not seen."""

import json
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "fewshot.json"


def fewshot_pages() -> dict[str, str]:
    """Give the page by its file name, where there are results."""
    if not RESULTS.exists():
        return {}
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    characters = found["characters"]
    lines = [
        "# Few-shot learners on unseen alphabets",
        "",
        f"Measured by `benchmarks/fewshot.py` with torch {found['torch']}, on one thread and with",
        f"one seed. Learned from are {characters['base']} characters of three alphabets of",
        "Omniglot, with their quarter turns as classes of their own. *Unseen* are tasks of 5 ways,",
        f"1 shot and 15 queries of each way from {characters['unseen']} characters, of Greek and",
        f"Latin: {found['tasks']} tasks, the same for every learner. *Lake's runs* are the 20",
        "published tasks of 20 ways and 1 shot, from ten further alphabets. Percent right, with",
        "intervals of 95 % over tasks; they speak of neither other alphabets nor other trainings.",
        "*Against* is the difference to `proto-net` on the same tasks.",
        "",
        "| learner | training | s | unseen | against | Lake's runs |",
        "|---|---|---|---|---|---|",
        *map(learner_row, found["rows"]),
        "",
        "Published numbers, such as 98.8 % of a prototypical network, are from 1,200 characters",
        "and a training many times as long. They are out of reach from so few characters, and the",
        "numbers here do not say which learner would be ahead there.",
        "",
    ]
    for row in found["rows"]:
        if "easyfsl" in row:
            lines += beside(row)
    return {"fewshot-benchmark.md": "\n".join(lines).rstrip() + "\n"}


def learner_row(row: dict) -> str:
    """Write one learner's row of the table."""
    apart = percent(row["above_reference"]) if "above_reference" in row else "–"
    settings = row["settings"]
    if "episodes" in settings:
        training = f"{settings['episodes']} tasks of {settings['ways']} ways"
    else:
        training = f"{settings['steps']} steps of {settings['batch']} images"
    cells = [f"`{row['learner']}`", training, f"{row['training_seconds']:.0f}"]
    cells += [percent(row["accuracy"]), apart, percent(row["one_shot_runs"])]
    return f"| {' | '.join(cells)} |"


def beside(row: dict) -> list[str]:
    """Compare with easyfsl's answers on the same tasks and features."""
    peer = row["easyfsl"]
    same, of = peer["same_answers"]
    times = peer["seconds"]
    return [
        f"easyfsl {peer['version']} (its `PrototypicalNetworks`, given the features of",
        f"`{row['learner']}`) answers {same:,} of the {of:,} queries of these tasks the same way:",
        f"{percent(peer['accuracy'])} % right. Task by task it takes {times['theirs']:.0f} s,",
        f"and this package {times['ours']:.0f} s.",
    ]


def percent(shares: list[float]) -> str:
    """Write a share with its interval, in percent."""
    value, low, high = (f"{100 * share:.1f}" for share in shares)
    return f"{value} [{low}, {high}]"
