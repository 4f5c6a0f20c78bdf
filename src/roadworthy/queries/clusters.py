import warnings

import torch
from torch import Tensor

FEW = 50  # clusters, up to which k-means looks at all vectors in every step
BATCH = 5000


def clusters(x: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Put vectors (N, E) into clusters by k-means: their numbers (N,).

    Args:
        x: the vectors.
        count: of clusters; there may turn out to be fewer, where vectors are alike.
        generator: of the first centers.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans  # slow to import
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    count = min(count, len(x))
    draw = int(torch.randint(2**31 - 1, (), generator=generator))
    settings = {"n_clusters": count, "n_init": 1, "random_state": draw}
    kind = KMeans(**settings) if count <= FEW else MiniBatchKMeans(batch_size=BATCH, **settings)
    # sums in several threads may round otherwise
    with threadpool_limits(1), warnings.catch_warnings():
        # alike vectors leave clusters empty: those that there are will do
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = kind.fit_predict(x.cpu().numpy())
    return torch.from_numpy(found).long().to(x.device)
