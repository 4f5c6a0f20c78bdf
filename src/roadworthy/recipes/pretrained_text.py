from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.networks import Part
from roadworthy.networks.backbone import backbone_of
from roadworthy.networks.pretrained_encoder import config_of, places
from roadworthy.training.plan import Rate, Schedule, TrainPlan
from roadworthy.training.pretrained import digest_of, folder_of, read
from roadworthy.training.trained import NetworkRecipe, check_fits

WARMING = 0.1  # share of the training in which the pretrained weights' rate rises


@dataclass(frozen=True)
class PretrainedText(NetworkRecipe):
    """Trains an encoder of texts on from a checkpoint of Hugging Face transformers, by Adam.

    The checkpoint is a folder, or a name on the hub: `train` and `compare` fetch it when they are
    told its name, and nothing else does. Its kind is one of bert, camembert, distilbert, electra,
    mpnet, roberta and xlm-roberta; weights are read from safetensors only, and no code in it is
    run. The encoder's embedding is the mean of its last states; a new last layer learns fast, and
    the pretrained weights slowly. The model's bundle holds the encoder and its tokenizer, so that
    it needs the checkpoint only to be trained again: with the same contents, or not at all. Needs
    the extra `transformers`.

    Source: Devlin et al. 2019, arXiv:1810.04805; Mosbach et al. 2021, arXiv:2006.04884 (small
    rates that rise first, and more epochs).
    Differs from the paper: the mean of the states, not the first one; rates fall along half a
    cosine; the last layer, which is random, learns at a rate of its own.

    Args:
        checkpoint: a folder with `config.json`, `model.safetensors` and `tokenizer.json`, or a name
            on the hub.
        revision: of a name on the hub, at best a commit; empty takes the newest when it is fetched.
        digest: of the checkpoint's files; filled in by itself, and what it must be where it is
            given.
        length: pieces of words of a text that are read at most, as far as the checkpoint can; what
            follows is left out.
        epochs: at most so many times over the rows.
        batch: rows per step.
        rate: learning rate of the last layer at the start.
        below: what the rate is multiplied by for the pretrained weights.
        decay: weight decay.
    """

    checkpoint: str = ""
    revision: str = ""
    digest: str = ""
    length: int = 128
    epochs: int = 10
    batch: int = 16
    rate: float = 1e-3
    below: float = 0.05
    decay: float = 1e-2

    card = Card(
        "pretrained-text", "Pretrained encoder of texts", paper="arxiv:1810.04805", cost="minutes"
    )
    tasks = frozenset({Task.NOMINAL, Task.ORDINAL, Task.REGRESSION})
    kinds = frozenset({"text"})

    def prepared(self, *, may_download: bool = False) -> "PretrainedText":
        if not self.checkpoint:
            raise InputError(
                "pretrained-text starts from a checkpoint: name its folder, or its name on the hub "
                "(--set pretrained-text.checkpoint=…)"
            )
        folder = folder_of(self.checkpoint, self.revision, may_download=may_download)
        digest = digest_of(folder)
        if self.digest and self.digest != digest:
            raise InputError(
                f"the checkpoint {self.checkpoint!r} holds something else than what was trained "
                "from before"
            )
        # of a name on the hub the client keeps each commit in a folder of its name
        revision = "" if folder == Path(self.checkpoint) else folder.name
        return replace(self, revision=revision, digest=digest)

    def plan(self, data: Dataset, rows: Split, seed: int) -> TrainPlan:
        check_fits(self, data)
        if not len(rows):
            raise InputError("there are no rows to train on")
        found = self.prepared()
        held = read(folder_of(found.checkpoint, found.revision, may_download=False))
        length = min(self.length, places(held.family, held.config))
        words = config_of(held.family, held.config).vocab_size
        size = {"size": len(held.tokenizer), "words": words, "length": length}
        outputs = max(1, len(data.classes))
        kind = {"family": held.family, "config": held.config}
        encoder = Part("subword-tokenizer", size)
        body = Part("pretrained-encoder", {**kind, "outputs": outputs})
        last = (Part("rescale"),) if data.task == Task.REGRESSION else ()
        file = torch.from_numpy(np.frombuffer(held.tokenizer, dtype=np.uint8).copy())
        start = {f"1.body.{name}": value for name, value in held.weights.items()}
        schedule = Schedule(self.epochs, self.batch, self.rate, self.decay)
        return TrainPlan(
            data,
            rows,
            (encoder, body, *last),
            schedule,
            seed,
            start={"0.file": file, **start},
            rates=self._rates,
        )

    def _rates(self, network: nn.Sequential) -> tuple[Rate, ...]:
        """Let the pretrained weights learn slowly, and first hardly at all."""
        lower = tuple(weight for group in backbone_of(network).layer_groups() for weight in group)
        return (Rate(lower, lambda done: self.below * min(1.0, done / WARMING)),)
