from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from roadworthy.core.errors import MissingExtraError
from roadworthy.networks.backbone import Backbone, Weights
from roadworthy.networks.subword_tokenizer import PADDING

ROWS = 64  # that pass at a time, so that long texts among many take no memory beyond theirs


class PretrainedEncoder(Backbone):
    """An encoder of Hugging Face transformers, and the mean of what it makes of a text.

    The mean is over the last states of the pieces of words that are there, as sentence encoders
    take it. The weights are random until others are loaded. Nothing here asks the network, and no
    code but that of the transformers package is run.

    Source: Devlin et al. 2019, arXiv:1810.04805; Reimers and Gurevych 2019, arXiv:1908.10084 (the
    mean).

    Args:
        family: what kind of encoder it is: one of `FAMILIES`.
        config: what `config.json` of a checkpoint says, as far as the encoder takes it; see
            `checked`.
        outputs: numbers it gives per text.

    Raises:
        MissingExtraError: transformers is not installed.
    """

    def __init__(self, family: str, config: dict[str, Any], outputs: int) -> None:
        super().__init__()
        self.body = body_of(family, config)
        self.padding = int(self.body.config.pad_token_id or 0)
        self.width = self.body.config.hidden_size
        self.head = nn.Linear(self.width, outputs)

    def layer_groups(self) -> list[Weights]:  # what is in no block, then each block
        kept = getattr(self.body, "encoder", None) or self.body.transformer
        blocks = [tuple(block.parameters()) for block in kept.layer]
        inside = {id(weight) for block in blocks for weight in block}
        first = tuple(weight for weight in self.body.parameters() if id(weight) not in inside)
        return [first, *blocks]

    def embed(self, x: Tensor) -> Tensor:  # (N, W) numbers of pieces, or padding
        return torch.cat([self._mean(rows) for rows in x.split(ROWS)])

    def _mean(self, x: Tensor) -> Tensor:
        there = x != PADDING
        there[:, 0] = True  # the mean of nothing would be no number
        longest = int(there.sum(1).max()) if len(x) else 1
        x, there = x[:, :longest], there[:, :longest]
        pieces = x.masked_fill(x == PADDING, self.padding)
        states = self.body(input_ids=pieces, attention_mask=there.long()).last_hidden_state
        return (states * there[:, :, None]).sum(1) / there.sum(1, keepdim=True)


# the class of each kind, and how to leave the layer out that the mean has no use for
FAMILIES: dict[str, tuple[str, dict[str, bool]]] = {
    "bert": ("Bert", {"add_pooling_layer": False}),
    "camembert": ("Camembert", {"add_pooling_layer": False}),
    "distilbert": ("DistilBert", {}),
    "electra": ("Electra", {}),
    "mpnet": ("MPNet", {"add_pooling_layer": False}),
    "roberta": ("Roberta", {"add_pooling_layer": False}),
    "xlm-roberta": ("XLMRoberta", {"add_pooling_layer": False}),
}
SHIFTED = {"camembert", "mpnet", "roberta", "xlm-roberta"}  # places are counted from the padding's
# what a config may say, with the largest number of each: it may come from a stranger
WHOLE = {
    "dim": 4096,
    "embedding_size": 4096,
    "hidden_dim": 16_384,
    "hidden_size": 4096,
    "intermediate_size": 16_384,
    "max_position_embeddings": 8194,
    "n_heads": 128,
    "n_layers": 96,
    "num_attention_heads": 128,
    "num_hidden_layers": 96,
    "pad_token_id": 1_000_000,
    "relative_attention_num_buckets": 1024,
    "type_vocab_size": 64,
    "vocab_size": 1_000_000,
}
DROPPED = (
    "attention_dropout",
    "attention_probs_dropout_prob",
    "dropout",
    "hidden_dropout_prob",
)
OTHERS = ("activation", "hidden_act", "layer_norm_eps")
ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh")


def body_of(family: str, config: dict[str, Any]) -> nn.Module:
    """Make an encoder with random weights.

    Raises:
        MissingExtraError: transformers is not installed.
        ValueError: the config is wrong.
    """
    made = config_of(family, config)
    name, more = FAMILIES[family]
    body = getattr(transformers(), f"{name}Model")(made, **more)
    # these are no weights, so that no file brings them: they must not be made without memory
    for name, counted in body.embeddings.named_buffers():
        zeros = torch.zeros(counted.shape, dtype=torch.int64, device="cpu")
        count = torch.arange(counted.shape[-1], device="cpu").expand_as(zeros)
        setattr(body.embeddings, name, count if name == "position_ids" else zeros)
    return body


def config_of(family: str, config: dict[str, Any]) -> Any:
    """Make the config that transformers takes, of nothing but what was checked."""
    checked(family, config)
    unknown = set(config) - known_settings(family)
    if unknown:
        raise ValueError(f"{family} has no setting {min(unknown)!r}")
    made = getattr(transformers(), f"{FAMILIES[family][0]}Config")(**config)
    if made.hidden_size % made.num_attention_heads:
        raise ValueError(
            f"{made.num_attention_heads} heads cannot share a width of {made.hidden_size} evenly"
        )
    made._attn_implementation = "eager"  # has derivatives of any order
    return made


def known_settings(family: str) -> set[str]:
    """Name what the config of a kind of encoder may say."""
    usual = getattr(transformers(), f"{FAMILIES[family][0]}Config")().to_dict()
    return set(usual) & {*WHOLE, *DROPPED, *OTHERS}


def checked(family: str, config: dict[str, Any]) -> None:
    """See that a config says only what is known, within bounds.

    Raises:
        ValueError: it does not.
    """
    if family not in FAMILIES:
        raise ValueError(f"{family!r} is none of {', '.join(FAMILIES)}")
    for key, value in config.items():
        if key in WHOLE:
            least = 0 if key == "pad_token_id" else 1
            is_right = type(value) is int and least <= value <= WHOLE[key]
        elif key in DROPPED:
            is_right = type(value) in (int, float) and 0 <= value < 1
        elif key == "layer_norm_eps":
            is_right = type(value) is float and 0 < value < 1
        else:
            is_right = key in ("hidden_act", "activation") and value in ACTIVATIONS
        if not is_right:
            raise ValueError(f"the config must not say {key!r}: {str(value)[:80]!r}")


def places(family: str, config: dict[str, Any]) -> int:
    """Say how many pieces of words an encoder can read at a time."""
    made = config_of(family, config)
    before = (made.pad_token_id or 0) + 1 if family in SHIFTED else 0
    return int(made.max_position_embeddings) - before


def transformers() -> ModuleType:
    """Import the package where it is needed: it is optional, and slow to import.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("a pretrained encoder of texts", "transformers") from None
    return transformers
