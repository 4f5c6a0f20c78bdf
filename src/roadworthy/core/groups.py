import numpy as np

BINNED = 10  # a number of more distinct values is cut at its quartiles


def named_groups(values: np.ndarray) -> np.ndarray:
    """Name each row's group (N,) by the values of an attribute (N,)."""
    is_number = values.dtype.kind in "iuf"
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    if not is_number or len(np.unique(values[~missing])) <= BINNED:
        names = values.astype(str)
        return np.where(missing, "missing", names)
    edges = np.unique(np.quantile(values[~missing], [0, 0.25, 0.5, 0.75, 1]))
    bins = np.clip(np.searchsorted(edges, values, side="left"), 1, len(edges) - 1)
    starts = ["from ", *["above "] * (len(edges) - 2)]
    ranges = zip(starts, edges[:-1], edges[1:], strict=True)
    labels = np.array([f"{how}{low:g} to {high:g}" for how, low, high in ranges])
    return np.where(missing, "missing", labels[bins - 1])
