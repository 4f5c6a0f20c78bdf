"""Checkpoints of Hugging Face transformers: where they lie, and what is in them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from torch import Tensor

from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.networks.pretrained_encoder import (
    FAMILIES,
    config_of,
    known_settings,
    transformers,
)

TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
FILES = ("*.json", "*.txt", "*.model", "model*.safetensors")  # weights in no other format
PLAIN = {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False}


@dataclass(frozen=True, eq=False)
class Pretrained:
    """What a checkpoint holds.

    Args:
        family: what kind of encoder it is.
        config: its settings.
        tokenizer: the file `tokenizer.json`.
        weights: of the encoder, by name.
    """

    family: str
    config: dict[str, Any]
    tokenizer: bytes
    weights: dict[str, Tensor]


def folder_of(checkpoint: str, revision: str, *, may_download: bool) -> Path:
    """Find a checkpoint: a folder, or what the hub's own client keeps on this machine.

    Args:
        checkpoint: the folder, or a name on the Hugging Face hub.
        revision: of a name on the hub; empty takes the newest, or the newest that is kept.
        may_download: whether the hub may be asked.

    Raises:
        InputError: it is not at hand.
        MissingExtraError: transformers is not installed.
    """
    folder = Path(checkpoint)
    if folder.is_dir():
        if revision:
            raise InputError(f"{checkpoint} is a folder and has no revisions: leave revision out")
        return folder
    with quiet():
        from huggingface_hub import snapshot_download

        try:
            found = snapshot_download(
                checkpoint,
                revision=revision or None,
                allow_patterns=list(FILES),
                local_files_only=not may_download,
            )
        except (OSError, ValueError) as error:  # those of the hub and of its names are such, too
            what = " at that revision" if revision else ""
            hint = (
                f"and the hub did not give it ({str(error).splitlines()[0][:160]})"
                if may_download
                else "and nothing is fetched here: roadworthy train, or hf download, fetches it"
            )
            raise InputError(
                f"the checkpoint {checkpoint!r}{what} is not on this machine, {hint}"
            ) from None
    return Path(found)


def digest_of(folder: Path) -> str:
    """Hash all files of a checkpoint that a training can depend on."""
    files = sorted({path for pattern in FILES for path in folder.glob(pattern) if path.is_file()})
    return fingerprint([(path.name, _hash(path)) for path in files])


def _hash(path: Path) -> str:
    state = path.stat()
    return _hash_as_it_was(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=256)
def _hash_as_it_was(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(folder: Path) -> Pretrained:
    """Read a checkpoint; nothing in it is run, and weights are read from safetensors alone.

    Raises:
        InputError: it is of a kind that is not known, incomplete or damaged.
        MissingExtraError: transformers is not installed.
    """
    family, config = _read_config(folder)
    with quiet(), torch.random.fork_rng(devices=[]):
        return Pretrained(
            family, config, _read_tokenizer(folder), _read_weights(folder, family, config)
        )


def _read_config(folder: Path) -> tuple[str, dict[str, Any]]:
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(f"{folder} is no checkpoint of transformers: it lacks config.json")
    try:
        said = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {str(error)[:160]}") from None
    family = said.get("model_type")
    if family not in FAMILIES:
        raise InputError(
            f"{folder} holds a model of the kind {family!r}; those that can be started from are "
            f"{', '.join(FAMILIES)}"
        )
    for key, usual in PLAIN.items():
        if said.get(key, usual) != usual:
            raise InputError(
                f"{path}: only encoders with {key} {usual} are known, not {said[key]!r}"
            )
    taken = sorted(known_settings(family) & set(said))
    config = {key: said[key] for key in taken if said[key] is not None}
    try:
        config_of(family, config)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    return family, config


def _read_tokenizer(folder: Path) -> bytes:
    if not any(path for pattern in TOKENIZERS for path in folder.glob(pattern)):
        raise InputError(f"{folder} has no tokenizer: it lacks tokenizer.json")
    try:
        made = transformers().AutoTokenizer.from_pretrained(
            folder, use_fast=True, local_files_only=True, trust_remote_code=False
        )
    except (ImportError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise InputError(f"the tokenizer in {folder} cannot be read: {str(error)[:160]}") from None
    if not made.is_fast:
        raise InputError(f"the tokenizer in {folder} has no tokenizer.json: save a fast one there")
    backend = made.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    return backend.to_str().encode()


def _read_weights(folder: Path, family: str, config: dict[str, Any]) -> dict[str, Tensor]:
    name, more = FAMILIES[family]
    try:
        model, found = getattr(transformers(), f"{name}Model").from_pretrained(
            folder,
            config=config_of(family, config),
            use_safetensors=True,
            local_files_only=True,
            dtype=torch.float32,
            output_loading_info=True,
            **more,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"the weights in {folder} cannot be read; they must be in model.safetensors, for no "
            f"pickle is loaded: {str(error)[:160]}"
        ) from None
    if found["missing_keys"]:
        raise InputError(
            f"the weights in {folder} are not those of config.json: "
            f"{min(found['missing_keys'])} is missing"
        )
    return {key: value.contiguous() for key, value in model.state_dict().items()}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from showing progress and hints of its own meanwhile."""
    logging = transformers().utils.logging
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    before, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    hub_had_bars = not are_progress_bars_disabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if had_bars:
            logging.enable_progress_bar()
        if hub_had_bars:
            enable_progress_bars()
