"""Draw what each attack does to a handwritten digit, for its page.

python docs/attack_pictures.py [NAME …]      all that have no picture yet, or those named
"""

import sys
from functools import cache

import torch
from attack_pages import PICTURES
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.tree import DecisionTreeClassifier

import roadworthy as rw
from roadworthy.attacks import ATTACKS
from roadworthy.attacks.threats import THREATS
from roadworthy.attacks.threats.table import TableRules
from roadworthy.core.model import Offer
from roadworthy.core.threat import NORMS, Ball
from roadworthy.render.png import Picture, png

EPS = {"linf": 0.2, "l2": 2.0, "l1": 12.0, "l0": 8.0, "table": 4.0}
ROWS = 40
MORE_ROWS = {"phantom": 400}  # it fools few digits
SETTINGS = {"hclu": {"confidence": 0.5}}  # 80 digits leave a Gaussian process unsure
SCALE = 12  # pixels of the picture for one of the digit


@cache
def subject(offer):
    """Give digits and a model that was trained on them and offers what an attack needs."""
    data = rw.load_dataset("digits")
    if offer == Offer.TREES:
        tree = DecisionTreeClassifier(max_depth=8, random_state=0)
        tree.fit(data.train.x.flatten(1).numpy(), data.train.y.numpy())
        return data, rw.wrap_model(tree, data)
    if offer == Offer.UNCERTAINTY:
        few = data.train.y < 2
        x, y = data.train.x[few].flatten(1)[:80], data.train.y[few][:80]
        rows = data.test.y < 2
        test = data.test.take(rows)
        data = rw.make_dataset(x.numpy(), y.numpy(), test=(test.x.flatten(1), test.y))
        return data, rw.wrap_model(GaussianProcessClassifier().fit(x.numpy(), y.numpy()), data)
    if offer == "table":
        test = (data.test.x.flatten(1), data.test.y)
        data = rw.make_dataset(data.train.x.flatten(1), data.train.y, test=test)
        return data, rw.load_model("mlp", data)
    return data, rw.load_model("digits-cnn", data)


def draw(attack) -> None:
    """Attack some digits and draw the first error: before, after, and the change between."""
    special = attack.needs & {Offer.TREES, Offer.UNCERTAINTY} or attack.threats & {"table"}
    data, model = subject(next(iter(special), None))
    rows = MORE_ROWS.get(attack.card.name, ROWS)
    x, y = data.test.x[:rows], data.test.y[:rows]
    kind = sorted(attack.threats, key=lambda kind: [*NORMS, *THREATS.names()].index(kind))[0]
    if kind == "table":
        threat = TableRules.of(data, EPS[kind])
    else:
        threat = Ball(kind, EPS[kind]) if kind in NORMS else THREATS.get(kind)()
    pool = (data.train.x[:500], data.train.y[:500])
    result = rw.run_attack(
        attack(**SETTINGS.get(attack.card.name, {})), model, x, y, threat, pool=pool
    )
    found = (result.success & (result.distance > 0)).nonzero()[:, 0]
    if not len(found):
        print(f"{attack.card.name}: no error found")
        return
    row = int(found[0])
    before, after = (part[row].reshape(8, 8) for part in (x, result.x))
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / f"{attack.card.name}.png"
    path.write_bytes(png(side_by_side([before, after, 0.5 + (after - before) / 2])))
    print(f"{attack.card.name}: {threat.kind} {float(result.distance[row]):.3g}")


def side_by_side(images) -> Picture:
    """Enlarge images in [0, 1] and put white between them."""
    large = [image.repeat_interleave(SCALE, 0).repeat_interleave(SCALE, 1) for image in images]
    gap = torch.ones(len(large[0]), SCALE)
    wide = torch.cat([part for image in large for part in (image, gap)][:-1], 1)
    pixels = (wide.clamp(0, 1) * 255).round().to(torch.uint8)
    height, width = pixels.shape
    return Picture("", width, height, 1, pixels.numpy().tobytes())


def main() -> None:
    """Draw those named, or those that are missing."""
    for attack in ATTACKS:
        is_there = (PICTURES / f"{attack.card.name}.png").exists()
        if attack.card.name in sys.argv[1:] or (len(sys.argv) == 1 and not is_there):
            draw(attack)


if __name__ == "__main__":
    main()
