"""Takes out of a `.pt2` archive whatever could run code.

`torch.export.load` unpickles the sample inputs, and weights and constants where the archive says
so; it evaluates shape expressions with sympy, and compiles guards and names as Python. The copy
that is made here has no pickle, no guards, no metadata, and no text but plain names.
"""

import io
import json
import pickle
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from roadworthy.core.errors import InputError

LARGEST = 8 * 1024**3  # bytes

PROGRAM = "models/model.json"
SAMPLES = "data/sample_inputs/model.pt"
CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
DATA = re.compile(
    r"data/weights/weight_\d+|data/constants/tensor_\d+|archive_format|archive_version|byteorder|"
    r"\.data/version"
)
NEEDLESS = re.compile(r"\.data/serialization_id|\.format_version|\.storage_alignment")

NAME = re.compile(r"[\w.:+#-]*")  # no call, no quote, no space
PAYLOAD = re.compile(r"(weight|tensor)_\d+")
# `from_file` would open, or even make, a file
OPERATOR = re.compile(
    r"torch\.ops\.aten\.(?!from_file\b)\w+\.\w+|torch\.sym_\w+|"
    r"_operator\.(getitem|add|sub|mul|floordiv|mod|neg|eq|ne|lt|le|gt|ge)"
)
SHAPE = re.compile(
    r"(Symbol\('[su]\d+'(, \w+=(True|False))*\)|(Integer|Add|Mul|Max|Min|Mod|FloorDiv|CeilDiv)\b|"
    r"[su]\d+\b|(?!\*\*)[\d ,()+*/-])*"
)
CONTAINERS = {None, "builtins.tuple", "builtins.list", "builtins.dict"}
FORBIDDEN = {"as_custom_obj", "as_operator"}


def read_plain_archive(path: Path) -> io.BytesIO:
    """Copy a `.pt2` archive without what could run code.

    Raises:
        InputError: it is no such archive, or cannot do without that.
    """
    try:
        members = _read(path)
        program = json.loads(members[PROGRAM])
        configs = {name: json.loads(members[name]) for name in CONFIGS}
    except KeyError as error:
        raise InputError(
            f"{path} lacks {error}: it was not written by torch.export.save of torch 2.8 or newer"
        ) from None
    except (zipfile.BadZipFile, ValueError, OSError, RecursionError) as error:
        raise InputError(f"{path} is not a .pt2 archive: {error}") from None
    _check_samples(path, members.pop(SAMPLES, b""))
    for name, config in configs.items():
        _check_payloads(path, config)
        members[name] = json.dumps(config).encode()
    members[PROGRAM] = json.dumps(_plain_program(path, program)).encode()
    members[SAMPLES] = b""
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"model/{name}", content)
    copy.seek(0)
    return copy


def _refuse(path: Path, what: str) -> InputError:
    return InputError(
        f"{path} holds {what}, which could run code when it is loaded: export the model again, or "
        "pass --trust if you know who made the file"
    )


def _read(path: Path) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if sum(info.file_size for info in infos) > LARGEST:
            raise InputError(f"{path} would unpack to more than {LARGEST >> 30} GiB")
        for info in infos:
            name = info.filename.partition("/")[2]
            if NEEDLESS.fullmatch(name):
                continue
            if name not in (PROGRAM, SAMPLES, *CONFIGS) and not DATA.fullmatch(name):
                raise _refuse(path, f"the member {name[:60]!r}")
            if info.compress_type != zipfile.ZIP_STORED:
                raise InputError(f"{path} is compressed, which torch.export.save does not do")
            members[name] = archive.read(info)
    return members


def _check_samples(path: Path, content: bytes) -> None:
    """Look whether the sample inputs are tensors; torch's restricted unpickler runs no code."""
    if not content:
        return
    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, LookupError, TypeError):
        raise _refuse(path, "sample inputs that are more than tensors") from None


def _check_payloads(path: Path, config: Any) -> None:
    try:
        payloads = list(config["config"].values())
        is_plain = all(
            payload["use_pickle"] is False and PAYLOAD.fullmatch(payload["path_name"])
            for payload in payloads
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged: {type(error).__name__}: {error}") from None
    if not is_plain:
        raise _refuse(path, "a pickle among its weights or constants")


def _plain_program(path: Path, program: Any) -> Any:
    """Leave out guards and metadata, and see that all else is plain."""
    try:
        program["guards_code"] = []
        program["graph_module"]["metadata"] = {}
        program["graph_module"]["treespec_namedtuple_fields"] = {}
        nodes = list(_nodes(program["graph_module"]))
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged: {type(error).__name__}: {error}") from None
    for node in nodes:
        node["metadata"] = {}
    for key, text in _texts(program, ""):
        if key in FORBIDDEN or not _is_plain(key, text):
            raise _refuse(path, f"{key} {text[:60]!r}")
    return program


def _nodes(part: Any) -> Iterator[dict[str, Any]]:
    """Walk over all nodes, those of graphs inside nodes included."""
    if isinstance(part, dict):
        if "target" in part and "inputs" in part:
            yield part
        for inner in part.values():
            yield from _nodes(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _nodes(inner)


def _texts(part: Any, key: str) -> Iterator[tuple[str, str]]:
    """Walk over all text with the name of its field; names of fields are text as well."""
    if isinstance(part, dict):
        for name, inner in part.items():
            yield ("name" if name not in FORBIDDEN else name), name
            yield from _texts(inner, name)
    elif isinstance(part, list):
        for inner in part:
            yield from _texts(inner, key)
    elif isinstance(part, str):
        yield key, part


def _is_plain(key: str, text: str) -> bool:
    if key == "target" and "." in text:
        return OPERATOR.fullmatch(text) is not None or _is_path(text)
    if key == "expr_str":
        return len(text) < 500 and SHAPE.fullmatch(text) is not None
    if key in ("in_spec", "out_spec"):
        return _is_plain_tree(json.loads(text)[1]) if text else True
    return NAME.fullmatch(text) is not None


def _is_path(text: str) -> bool:
    """Say whether the target of a constant or buffer is a path of names within the module."""
    return NAME.fullmatch(text) is not None and not text.startswith(("torch", "_operator", "math"))


def _is_plain_tree(tree: Any) -> bool:
    if tree["type"] not in CONTAINERS:
        return False
    context = json.loads(tree["context"]) if tree["context"] else None
    names = [] if context is None else context
    if not isinstance(names, list) or not all(NAME.fullmatch(str(name)) for name in names):
        return False
    return all(_is_plain_tree(child) for child in tree["children_spec"])
