"""Small networks, made of parts that a name and a few settings describe."""

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from roadworthy.core.errors import InputError
from roadworthy.networks.bag_of_words import BagOfWords
from roadworthy.networks.cnn import CNN
from roadworthy.networks.conv4 import Conv4
from roadworthy.networks.forest import Forest
from roadworthy.networks.heads.cdw_ce import DistanceWeightedCrossEntropy
from roadworthy.networks.heads.coral import Coral
from roadworthy.networks.heads.corn import Corn
from roadworthy.networks.heads.cumulative_link import CumulativeLink
from roadworthy.networks.heads.earth_mover import EarthMover
from roadworthy.networks.heads.or_nn import ORNN
from roadworthy.networks.heads.rank_regression import RankRegression
from roadworthy.networks.heads.score import Score
from roadworthy.networks.heads.scored_classes import ScoredClasses
from roadworthy.networks.heads.sord import Sord
from roadworthy.networks.heads.unimodal import Unimodal
from roadworthy.networks.image_scaler import ImageScaler
from roadworthy.networks.linear import Linear
from roadworthy.networks.mlp import MLP
from roadworthy.networks.pretrained_encoder import PretrainedEncoder
from roadworthy.networks.rescale import Rescale
from roadworthy.networks.strided_cnn import StridedCNN
from roadworthy.networks.subword_tokenizer import SubwordTokenizer
from roadworthy.networks.tabular_encoder import TabularEncoder
from roadworthy.networks.text_transformer import TextTransformer
from roadworthy.networks.thermometer import Thermometer
from roadworthy.networks.word_tokenizer import WordTokenizer

NETWORKS: dict[str, type[nn.Module]] = {
    "bag-of-words": BagOfWords,
    "cdw-ce": DistanceWeightedCrossEntropy,
    "cnn": CNN,
    "conv4": Conv4,
    "coral": Coral,
    "corn": Corn,
    "cumulative-link": CumulativeLink,
    "earth-mover": EarthMover,
    "forest": Forest,
    "image-scaler": ImageScaler,
    "linear": Linear,
    "mlp": MLP,
    "or-nn": ORNN,
    "pretrained-encoder": PretrainedEncoder,
    "rank-regression": RankRegression,
    "rescale": Rescale,
    "score": Score,
    "scored-classes": ScoredClasses,
    "sord": Sord,
    "strided-cnn": StridedCNN,
    "subword-tokenizer": SubwordTokenizer,
    "tabular-encoder": TabularEncoder,
    "text-transformer": TextTransformer,
    "thermometer": Thermometer,
    "unimodal": Unimodal,
    "word-tokenizer": WordTokenizer,
}


@dataclass(frozen=True)
class Part:
    """One part of a network, as JSON can hold it.

    Args:
        name: its name in `NETWORKS`.
        settings: what its class is called with.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)


def build(parts: tuple[Part, ...]) -> nn.Sequential:
    """Make a network of parts; torch's random numbers initialize its weights.

    Raises:
        InputError: a part is unknown, or its settings are wrong.
    """
    modules = []
    for part in parts:
        if part.name not in NETWORKS:
            raise InputError(f"there is no network {part.name!r}: one of {', '.join(NETWORKS)}")
        try:
            modules.append(NETWORKS[part.name](**part.settings))
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise InputError(f"the settings of network {part.name!r} are wrong: {error}") from None
    return nn.Sequential(*modules)


__all__ = ["NETWORKS", "Part", "build"]
