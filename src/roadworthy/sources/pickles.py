import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from roadworthy.core.errors import InputError

ENDINGS = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".ckpt")
TORCH = (".pt", ".pth", ".bin", ".ckpt")
# what a damaged pickle, or one whose classes are not here, raises
DAMAGE = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def is_pickle(path: Path) -> bool:
    """Say whether a file is a pickle, by its first bytes or else by its name."""
    with path.open("rb") as file:
        head = file.read(2)
    if len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= 5:  # PROTO, of protocol 2 to 5
        return True
    if path.suffix not in (".skops", ".pt2") and zipfile.is_zipfile(path):  # as torch.save writes
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    return path.suffix in ENDINGS


def load_pickle(path: Path, trust: bool) -> Any:
    """Load a pickle, which runs whatever code its author put into it.

    Raises:
        InputError: it is not trusted, damaged, or holds weights alone.
    """
    if not trust:
        raise InputError(
            f"{path} is a pickle, which can run any code when it is loaded: save the model as "
            "ONNX, as .pt2 or with skops, or pass --trust if you know who made the file"
        )
    try:
        model = _load(path)
    except DAMAGE as error:
        raise InputError(
            f"{path} cannot be loaded: {type(error).__name__}: {str(error)[:160]}"
        ) from None
    if isinstance(model, dict):
        raise InputError(
            f"{path} holds weights without the network: make the network in a function, load the "
            "weights there, and give package.module:function"
        )
    return model


def _load(path: Path) -> Any:
    if path.suffix in TORCH or zipfile.is_zipfile(path):
        return torch.load(path, map_location="cpu", weights_only=False)
    import joblib  # slow to import, and seldom needed

    return joblib.load(path)  # reads plain pickles as well
