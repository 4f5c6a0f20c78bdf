from modAL.uncertainty import entropy_sampling, margin_sampling, uncertainty_sampling

SAMPLINGS = {
    "margin": margin_sampling,
    "entropy": entropy_sampling,
    "least-confidence": uncertainty_sampling,
}


def pick(sampling, situation, n):
    found = sampling(situation.model, situation.x[situation.pool], n_instances=n)
    # places alone, or with their scores, depending on the version
    return situation.pool[found[0] if isinstance(found, tuple) else found]


def methods():
    """Give, by name, what a query needs and a function that picks."""
    return {
        name: ({"scores"}, lambda situation, n, s=sampling: pick(s, situation, n))
        for name, sampling in SAMPLINGS.items()
    }
