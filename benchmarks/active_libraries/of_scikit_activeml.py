import warnings

import numpy as np
from skactiveml.classifier import SklearnClassifier
from skactiveml.pool import (
    Badge,
    BatchBALD,
    CoreSet,
    GreedyBALD,
    ProbCover,
    QueryByCommittee,
    TypiClust,
    UncertaintySampling,
)

MODEL, COMMITTEE = {"scores"}, {"members"}


def wrapped(model, situation, weights=None):
    """Give a fitted model in the library's own wrapper."""
    labelled = situation.labelled
    classifier = SklearnClassifier(model, classes=np.arange(situation.classes))
    return classifier.fit(situation.x[labelled], situation.y, weights)


def pick(name, make, needs, situation, n):
    # the same object in every round, as it keeps distances
    query = situation.kept.setdefault(name, make(situation))
    given = {}
    if needs == MODEL:
        given = {"clf": situation.kept["model"], "fit_clf": False}
    if needs == COMMITTEE:
        given = {"ensemble": situation.kept["committee"], "fit_ensemble": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return query.query(situation.x, situation.targets, batch_size=n, **given)


def prepare(needs, situation):
    """Wrap what was trained; it is trained again for that, which is not part of the time."""
    if needs == MODEL:
        situation.kept["model"] = wrapped(situation.model, situation)
    if needs == COMMITTEE:
        pairs = zip(situation.committee, situation.weights, strict=True)
        situation.kept["committee"] = [
            wrapped(member, situation, weights) for member, weights in pairs
        ]


def sampling(method):
    return lambda situation: UncertaintySampling(method=method, random_state=situation.seed)


def methods():
    """Give, by name, what a query needs, a function that picks, and one that prepares."""
    made = {
        "margin": (MODEL, sampling("margin_sampling")),
        "entropy": (MODEL, sampling("entropy")),
        "least-confidence": (MODEL, sampling("least_confident")),
        "badge": (MODEL, lambda s: Badge(random_state=s.seed)),
        "coreset": (set(), lambda s: CoreSet(random_state=s.seed)),
        "typiclust": (set(), lambda s: TypiClust(random_state=s.seed)),
        "probcover": (set(), lambda s: ProbCover(n_classes=s.classes, random_state=s.seed)),
        "bald": (COMMITTEE, lambda s: GreedyBALD(random_state=s.seed)),
        "batch-bald": (COMMITTEE, lambda s: BatchBALD(random_state=s.seed)),
        "query-by-committee": (
            COMMITTEE,
            lambda s: QueryByCommittee(method="vote_entropy", random_state=s.seed),
        ),
    }
    return {
        name: (
            needs,
            lambda situation, n, part=(name, make, needs): pick(*part, situation, n),
            lambda situation, needs=needs: prepare(needs, situation),
        )
        for name, (needs, make) in made.items()
    }
