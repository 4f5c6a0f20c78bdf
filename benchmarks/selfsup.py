"""What is learned without labels, judged by 50 of them; and what is learned of other classes.

python benchmarks/selfsup.py                       all, an hour on one core
python benchmarks/selfsup.py --only barlow-twins   those rows, beside the kept results

MNIST: 10,000 training images without labels, 50 of them with (5 of each class, 5 draws), and the
first 5,000 test images. Digits: the built-in 8 × 8 images. Rows that are there are not made again.
Time is that of the processor, on one thread.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"
OUT = HERE / "results" / "selfsup.json"
POOL, TEST, DRAWS, EACH = 10_000, 5_000, 5, 5
WIDTH = 8  # of the CNN: a third of the time of the default's
METHODS = {
    "barlow-twins": (1, 3, 10),
    "simclr": (1, 3, 10),
    "vicreg": (10,),
    "rotation": (10,),
    "byol": (10,),
    "swav": (10,),
    "mae": (10,),
    "dino": (10,),
    "context-prediction": (10,),
}
DIGITS_EPOCHS = 60  # as many steps as 9 epochs over the 10,000
SUPERVISED = 150  # epochs over the 50 rows


def mnist(folder):
    import numpy as np
    import torch

    with np.load(next(folder.rglob("mnist.npz"))) as arrays:
        x, y, test_x, test_y = (arrays[f"{a}_{b}"] for b in ("train", "test") for a in ("x", "y"))

    def images(array):
        return torch.tensor(array).float()[:, None] / 255

    def classes(array):
        return torch.tensor(array).long()

    rows = images(x[:POOL]), classes(y[:POOL])
    return dataset("MNIST", *rows, images(test_x[:TEST]), classes(test_y[:TEST]))


def digits(folder):
    import roadworthy as rw

    data = rw.load_dataset("digits")
    return dataset("digits", data.train.x, data.train.y, data.test.x, data.test.y)


def dataset(name, x, y, test_x, test_y):
    import roadworthy as rw

    return rw.make_dataset(x, y, test=(test_x, test_y), name=name)


def drawn(y, draw):
    """Choose 5 rows of each class."""
    import torch

    generator = torch.Generator().manual_seed(draw)
    of_class = [(y == k).nonzero()[:, 0] for k in y.unique()]
    return torch.cat(
        [rows[torch.randperm(len(rows), generator=generator)[:EACH]] for rows in of_class]
    )


def pretrained(data, name, epochs):
    """Give what a method starts the training with, and the processor's seconds that it took."""
    from roadworthy.core.progress import Silent
    from roadworthy.recipes import CNN
    from roadworthy.strategies import STRATEGIES

    plan = CNN(width=WIDTH).plan(data, data.train, 0)
    start = time.process_time()
    plan = STRATEGIES.get(name)(epochs=epochs).apply(plan, Silent())
    return plan.start, time.process_time() - start


def network_of(data, start):
    """Make the network with some weights; the rest is random."""
    import torch

    from roadworthy.networks import build
    from roadworthy.recipes import CNN
    from roadworthy.training.loop import begin

    plan = replace(CNN(width=WIDTH).plan(data, data.train, 0), start=start)
    torch.manual_seed(0)
    network = build(plan.parts)
    network[0].measure(data.train.x)
    begin(network, plan)
    return network.eval()


def embeddings(network, x):
    import torch

    from roadworthy.networks.backbone import embedding

    with torch.no_grad():
        return torch.cat([embedding(network, rows) for rows in x.split(1000)])


def tuned(data, rows, start, draw, views=()):
    """Train all of the network on the drawn rows; gives the accuracy."""
    import torch

    from roadworthy.core.progress import Silent
    from roadworthy.recipes import CNN
    from roadworthy.training.loop import fit_plan

    recipe = CNN(width=WIDTH, epochs=SUPERVISED)
    plan = replace(recipe.plan(data, data.train.take(rows), draw), start=start, augment=views)
    network = fit_plan(plan, Silent())
    with torch.no_grad():
        logits = torch.cat([network(x) for x in data.test.x.split(1000)])
    return float((logits.argmax(1) == data.test.y).float().mean())


def judged(data, start):
    """Judge a representation by 50 labels, five times, and by all of them."""
    from roadworthy.core.representation import linear_accuracy, neighbor_accuracy

    network = network_of(data, start)
    known, z = embeddings(network, data.train.x), embeddings(network, data.test.x)
    return probed(data, known, z) | {
        "neighbors": neighbor_accuracy(known, data.train.y, z, data.test.y).value,
        "all labels": linear_accuracy(known[:2000], data.train.y[:2000], z, data.test.y, 0).value,
    }


def probed(data, known, z):
    from roadworthy.core.representation import linear_accuracy

    y, accuracies = data.train.y, []
    for draw in range(DRAWS):
        rows = drawn(y, draw)
        accuracies.append(linear_accuracy(known[rows], y[rows], z, data.test.y, draw).value)
    return {"probe": accuracies}


def controls(data):
    """Judge what needs no pre-training; yields rows."""
    from roadworthy.strategies.self_supervision import view_of

    yield {"method": "pixels", **probed(data, data.train.x.flatten(1), data.test.x.flatten(1))}
    yield {"method": "random", **judged(data, {})}
    for name, views in (("supervised", ()), ("supervised, views", (view_of(data, 0.3),))):
        begun = time.process_time()
        found = [tuned(data, drawn(data.train.y, k), {}, k, views) for k in range(DRAWS)]
        seconds = (time.process_time() - begun) / DRAWS
        yield {"method": name, "tuned": found, "seconds": seconds}


def of_method(data, name, epochs):
    """Pre-train by a method and judge what it gives."""
    start, seconds = pretrained(data, name, epochs)
    row = {"method": name, "epochs": epochs, "seconds": seconds, **judged(data, start)}
    rows = [drawn(data.train.y, draw) for draw in range(DRAWS)]
    return row | {"tuned": [tuned(data, rows[k], start, k) for k in range(DRAWS)]}


def representations(data, only, done):
    """Judge all that is asked for and not there; yields rows."""
    if ("controls" in only or not only) and (data.name, "supervised, views", None) not in done:
        yield from controls(data)
    for name, budgets in METHODS.items():
        for epochs in (DIGITS_EPOCHS,) if data.name == "digits" else budgets:
            if (not only or name in only) and (data.name, name, epochs) not in done:
                yield of_method(data, name, epochs)


def transfer(data):
    """Learn the digits 0 to 4 with all labels, then 5 to 9 with 5 of each; yields rows."""
    import tempfile

    from roadworthy.core.progress import Silent
    from roadworthy.recipes import CNN
    from roadworthy.sources.bundles import save_bundle
    from roadworthy.training.trained import defended

    low, high = (half(data, first) for first in (0, 5))
    source = CNN(width=WIDTH, epochs=3).fit(low, low.train, 0, Silent())
    with tempfile.TemporaryDirectory() as folder:
        bundle = str(save_bundle(source, Path(folder) / "low"))
        for name, strategies in adaptations(bundle).items():
            recipe = CNN(width=WIDTH, epochs=SUPERVISED)
            changed = defended(recipe, strategies) if strategies else recipe
            found, begun = [], time.process_time()
            for draw in range(DRAWS):
                rows = high.train.take(drawn(high.train.y, draw))
                model = changed.fit(high, rows, draw, Silent())
                found.append(float((model(high.test.x).argmax(1) == high.test.y).float().mean()))
            seconds = (time.process_time() - begun) / DRAWS
            yield {"strategies": name, "accuracy": found, "seconds": seconds}


def adaptations(bundle):
    from roadworthy.strategies import (
        LPFT,
        DiscriminativeRates,
        FineTune,
        GradualUnfreezing,
        LinearProbe,
        LoRA,
    )

    tune = FineTune(source=bundle)
    others = [LinearProbe(), LPFT(), GradualUnfreezing(), DiscriminativeRates(), LoRA()]
    alone = {"none": (), "fine-tune": (tune,)}
    return alone | {f"fine-tune + {each.card.name}": (tune, each) for each in others}


def half(data, first):
    """Keep five classes, numbered anew."""

    def kept(split):
        rows = split.take((split.y >= first) & (split.y < first + 5))
        return replace(rows, y=rows.y - first)

    splits = tuple(kept(split) for split in data.splits)
    return replace(data, classes=data.classes[first : first + 5], splits=splits)


def keep(out, name, rows):
    report = json.loads(out.read_text()) if out.exists() else {}
    report[name] = rows
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")


def kept(out, name):
    return json.loads(out.read_text()).get(name, []) if out.exists() else []


def main():
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], help="methods, `controls` or `transfer`")
    parser.add_argument("--on", nargs="+", default=["digits", "MNIST"], help="data sets")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name, load in (("digits", digits), ("MNIST", mnist)):
        if name not in given.on:
            continue
        data, rows = load(given.data), kept(given.out, "rows")
        done = {(row["data"], row["method"], row.get("epochs")) for row in rows}
        for row in representations(data, given.only, done):
            print(name, row, flush=True)
            rows.append({"data": name, **row})
            keep(given.out, "rows", rows)
    if (not given.only or "transfer" in given.only) and not kept(given.out, "transfer"):
        keep(given.out, "transfer", list(transfer(mnist(given.data))))


if __name__ == "__main__":
    main()
