"""Seconds per certificate by randomized smoothing: ours, a plain loop, and the authors' own code.

python benchmarks/defenses.py --smoothing                            ours and the loop
python benchmarks/defenses.py --smoothing --smoothing-reference DIR  and `core.py` in that folder

The loop is CERTIFY of Cohen et al. 2019, arXiv:1902.02918, one image at a time. The authors' code
is at github.com/locuslab/smoothing; it draws on a GPU, so that is taken out of it as it is read.
"""

import time

IMAGES, SELECTION, ESTIMATION, ALPHA = 10, 100, 10_000, 0.001
SIGMA, BATCH = 0.25, 100
ROUNDS = 3


def smoothing(data, reference=None):
    """Measure all of them on one model and the same images; gives one row each."""
    import torch

    from roadworthy.core.progress import Silent
    from roadworthy.recipes import CNN
    from roadworthy.strategies import GaussianAugmentation
    from roadworthy.training.loop import fit_plan

    plan = CNN(width=8, epochs=6, batch=64).plan(data, data.train, 0)
    model = fit_plan(GaussianAugmentation(std=SIGMA, share=1.0).apply(plan, Silent()), Silent())
    x = data.test.x[:IMAGES]
    runs = {"plain loop": plain_loop, "roadworthy": ours}
    if reference is not None:
        runs["Cohen et al."] = authors(reference)
    seconds = {name: [] for name in runs}
    for _ in range(ROUNDS):  # interleaved, so that the machine's moods meet all of them
        found = {}
        for name, run in runs.items():
            torch.manual_seed(0)
            before = time.process_time()
            found[name] = run(model, x)
            seconds[name].append((time.process_time() - before) / IMAGES)
    least = {name: min(each) for name, each in seconds.items()}
    return [
        {
            "name": name,
            "seconds": least[name],
            "ratio": least[name] / least["plain loop"],
            "radius": sum(radius for _, radius in found[name]) / IMAGES,
            "chance": chance(found[name], found["plain loop"]),
        }
        for name in runs
    ]


def ours(model, x):
    import torch

    from roadworthy.guards.smoothing_certificate import Certification

    certification = Certification(SELECTION, ESTIMATION, ALPHA)
    made = certification.certify(model, x, SIGMA, torch.ones(()), torch.arange(len(x)), 0)
    return list(zip(made.choice.tolist(), made.radius.tolist(), strict=True))


def plain_loop(model, x):
    import torch
    from scipy import stats

    def votes(image, copies):
        count = torch.zeros(10, dtype=torch.long)
        for _ in range(0, copies, BATCH):
            noisy = image + SIGMA * torch.randn(BATCH, *image.shape)
            count += model(noisy).argmax(1).bincount(minlength=10)
        return count

    found = []
    with torch.no_grad():
        for image in x:
            top = int(votes(image, SELECTION).argmax())
            hits = int(votes(image, ESTIMATION)[top])
            least = stats.beta.ppf(ALPHA, hits, ESTIMATION - hits + 1) if hits else 0.0
            certified = least > 0.5
            found.append((top, SIGMA * stats.norm.ppf(least)) if certified else (-1, 0.0))
    return found


def authors(folder):
    import torch

    source = (folder / "core.py").read_text().replace(", device='cuda'", "")
    # a test that SciPy no longer has, and that certificates do not take
    source = source.replace(", binom_test", "")
    names = {}
    exec(compile(source, "core.py", "exec"), names)

    class Network(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x)

    def run(model, x):
        smooth = names["Smooth"](Network(model), 10, SIGMA)
        return [smooth.certify(each, SELECTION, ESTIMATION, ALPHA, BATCH) for each in x]

    return run


def chance(found, others):
    """Give the least p-value that the votes behind two lists of radii differ, times their number.

    The votes follow from the radii, and Fisher's exact test compares them. 0 where classes differ.
    """
    import numpy as np
    from scipy import special, stats

    from roadworthy.guards.smoothing_certificate import least_share

    shares = least_share(np.arange(ESTIMATION + 1), ESTIMATION, ALPHA)
    radii = SIGMA * special.ndtri(np.maximum(shares, 0.5))
    least = 1.0
    for (choice, radius), (other, other_radius) in zip(found, others, strict=True):
        if -1 not in (choice, other) and choice != other:
            return 0.0
        hits = [int(np.abs(radii - each).argmin()) for each in (radius, other_radius)]
        table = [[each, ESTIMATION - each] for each in hits]
        least = min(least, stats.fisher_exact(table).pvalue * len(found))
    return least
