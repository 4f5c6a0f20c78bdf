from roadworthy.core.dataset import Dataset
from roadworthy.networks import Part
from roadworthy.networks.tabular_encoder import TabularEncoder


def encoder_for(data: Dataset) -> tuple[Part, int]:
    """Give the part that standardizes a dataset's inputs, and how many numbers come out."""
    if data.kind == "image":
        shape = data.train.x.shape[1:]
        return Part("image-scaler", {"channels": shape[0]}), shape.numel()
    categories = [len(feature.categories) for feature in data.features]
    categories = categories or [0] * data.train.x.shape[1]
    return Part("tabular-encoder", {"categories": categories}), TabularEncoder.width(categories)
