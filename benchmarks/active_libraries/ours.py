import torch

from roadworthy.core.query import Pool
from roadworthy.queries import QUERIES


def pick(query, situation, n):
    """Choose places in the pool of a situation."""
    x = torch.from_numpy(situation.x)
    scores = members = None
    if "scores" in query.needs:
        scores = torch.from_numpy(situation.scores(situation.model))
    if "members" in query.needs:
        each = [torch.from_numpy(situation.scores(model)) for model in situation.committee]
        members = torch.stack(each)
    labels = torch.from_numpy(situation.y)
    known, rest = x[situation.labelled], x[situation.pool]
    pool = Pool(rest, known, labels, situation.classes, scores, members)
    return situation.pool[query.pick(pool, n, situation.seed).numpy()]


def methods():
    """Give, by name, what a query needs and a function that picks."""
    return {
        query.card.name: (query.needs, lambda situation, n, q=query: pick(q(), situation, n))
        for query in QUERIES
    }
