import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.guard import Guard, Guarding
from roadworthy.core.model import Model
from roadworthy.core.registry import Registry
from roadworthy.core.training import Recipe
from roadworthy.frameworks.torch_module import wrap_module
from roadworthy.guards import GUARDS
from roadworthy.networks import Part, build
from roadworthy.recipes import RECIPES
from roadworthy.strategies import STRATEGIES
from roadworthy.training.strategy import Strategy
from roadworthy.training.trained import Defended, Trained, defended
from roadworthy.training.weights import WEIGHTS

SCHEMA = "roadworthy-bundle/1"
MANIFEST = "bundle.json"
GUARD = "guard"  # guard.0.NAME is what the innermost guard learned
LARGEST_MANIFEST = 1 << 20  # bytes


@dataclass(frozen=True)
class Applied:
    """A strategy or guard: its name and its fields."""

    name: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """What `bundle.json` says.

    Args:
        schema: which version of the format.
        recipe: name of the recipe that trained the network.
        settings: the recipe's fields.
        parts: what the network is made of.
        task: nominal, ordinal or regression.
        classes: the class names, in order.
        input_shape: shape of one input.
        fingerprint: hash of the parts, the weights and what guards learned.
        strategies: changed the training.
        guards: wrap the network, the innermost first.
    """

    schema: str
    recipe: str
    settings: dict[str, Any]
    parts: tuple[Part, ...]
    task: Task
    classes: tuple[str, ...]
    input_shape: tuple[int, ...]
    fingerprint: str
    strategies: tuple[Applied, ...] = ()
    guards: tuple[Applied, ...] = ()


def save_bundle(model: Model, folder: str | Path) -> Path:
    """Save a model as a folder of JSON and safetensors; no pickle is written or read.

    Args:
        model: one that a recipe trained, with or without guards.
        folder: is made, or replaced if it is a bundle.

    Raises:
        InputError: the model cannot be saved this way, or the folder holds something else.
    """
    guards = []
    while isinstance(model, Guarding):
        guards.insert(0, model)
        model = model.inner
    if not isinstance(model, Trained):
        raise InputError(
            f"{model.spec.name} cannot be saved as a bundle, which holds networks that a recipe "
            "trained: save it with torch.export.save, as ONNX or with skops"
        )
    target = Path(folder)
    if target.exists() and not (target / MANIFEST).is_file():
        raise InputError(f"{target} exists and is no bundle: name another folder")
    state = dict(model.inner.module.state_dict())
    for k, guarding in enumerate(guards):
        state |= _named(k, guarding.learned)
    weights = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    is_changed = isinstance(model.recipe, Defended)
    recipe = model.recipe.recipe if is_changed else model.recipe
    manifest = Manifest(
        schema=SCHEMA,
        recipe=recipe.card.name,
        settings=_applied(recipe).settings,
        parts=model.parts,
        task=model.data.task,
        classes=model.data.classes,
        input_shape=model.spec.input_shape,
        fingerprint=_hash(model.parts, weights),
        strategies=tuple(_applied(s) for s in model.recipe.strategies) if is_changed else (),
        guards=tuple(_applied(guarding.guard) for guarding in guards),
    )
    _write(target, manifest, weights)
    return target


def _named(k: int, learned: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name what guard k learned as the file of weights does."""
    return {f"{GUARD}.{k}.{name}": value for name, value in learned.items()}


def _applied(item: Recipe | Strategy | Guard) -> Applied:
    return Applied(item.card.name, {part.name: getattr(item, part.name) for part in fields(item)})


def _hash(parts: tuple[Part, ...], weights: Mapping[str, Tensor]) -> str:
    return fingerprint([(part.name, part.settings) for part in parts], dict(weights))


def _write(target: Path, manifest: Manifest, weights: dict[str, Tensor]) -> None:
    """Write beside the target and rename, so that a killed run leaves no half bundle."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise InputError(f"cannot write to {target.parent}: {error.strerror}") from None
    try:
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        (temporary / MANIFEST).write_bytes(text + b"\n")
        safetensors.torch.save_file(weights, temporary / WEIGHTS)
        temporary.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
    except OSError:
        if not is_bundle(target):  # else another process wrote the same bundle first
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_bundle(folder: Path) -> bool:
    """Say whether a folder looks like a bundle."""
    return folder.is_dir() and ((folder / MANIFEST).exists() or (folder / WEIGHTS).exists())


def load_bundle(folder: str | Path, dataset: Dataset) -> Model:
    """Read a bundle; nothing in it is run, and all that it says is checked.

    Args:
        folder: holds `bundle.json` and `weights.safetensors`.
        dataset: must have the task, classes and input shape that the network was made for.

    Raises:
        InputError: it is incomplete, damaged or forged, or does not fit the dataset.
    """
    source = Path(folder)
    manifest = _read_manifest(_inside(source, MANIFEST))
    _check_fits(source, manifest, dataset)
    with torch.device("meta"):  # forged settings must not take memory
        network = build(manifest.parts)
    weights, learned = _read_weights(_inside(source, WEIGHTS), network.state_dict(), manifest)
    everything = dict(weights)
    for k, each in enumerate(learned):
        everything |= _named(k, each)
    if _hash(manifest.parts, everything) != manifest.fingerprint:
        raise InputError(
            f"the weights in {source} are not those that bundle.json was written for: the bundle "
            "was changed or damaged; save it again"
        )
    network.load_state_dict(weights, assign=True)
    recipe = _recipe(source, manifest)
    inner = wrap_module(network, dataset, recipe.card.name, is_ours=True)
    model: Model = Trained(inner, manifest.parts, recipe, dataset)
    for k, applied in enumerate(manifest.guards):
        guard = _item(source, GUARDS, applied)
        try:
            model = Guarding(model, guard, learned[k], dataset)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"what {applied.name} learned is damaged in {source}: {error}"
            ) from None
    return model


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists():
        raise InputError(f"the bundle {folder} lacks {name}: save it again")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path} is a link to a file outside the bundle: refused")
    if not path.is_file():
        raise InputError(f"{path} is not a file: save the bundle again")
    return path


def _read_manifest(path: Path) -> Manifest:
    if path.stat().st_size > LARGEST_MANIFEST:
        raise InputError(f"{path} is larger than 1 MiB, which no bundle.json is")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {str(error)[:160]}") from None
    if manifest.schema != SCHEMA:
        raise InputError(
            f"{path} has the schema {manifest.schema!r}; this version reads {SCHEMA!r}"
        )
    return manifest


def _check_fits(source: Path, manifest: Manifest, dataset: Dataset) -> None:
    shape = dataset.input_shape
    if manifest.task != dataset.task or manifest.classes != dataset.classes:
        raise InputError(
            f"the model in {source} is for a {manifest.task} task with {len(manifest.classes)} "
            f"classes ({', '.join(manifest.classes[:3])} …), but {dataset.name} is a "
            f"{dataset.task} task with {len(dataset.classes)} ({', '.join(dataset.classes[:3])} …)"
        )
    if manifest.input_shape != shape:
        raise InputError(
            f"the model in {source} takes inputs of shape {manifest.input_shape}, but those of "
            f"{dataset.name} have shape {shape}"
        )


def _read_weights(
    path: Path, wanted: Mapping[str, Tensor], manifest: Manifest
) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """Read weights only after their names, shapes and types turned out to be the network's.

    Returns:
        The network's, and what each guard learned.
    """
    expected = {name: (list(value.shape), value.dtype) for name, value in wanted.items()}
    starts = [f"{GUARD}.{k}." for k in range(len(manifest.guards))]
    try:
        with safe_open(path, framework="pt") as file:
            held = tuple(file.keys())
            names = {name for name in held if not name.startswith(tuple(starts))}
            if names != set(expected):
                odd = sorted(names ^ set(expected))[0]
                raise InputError(f"{path} does not hold the network's weights: look at {odd!r}")
            for name, (shape, _) in expected.items():
                given = file.get_slice(name).get_shape()
                if given != shape:
                    raise InputError(
                        f"{path}: {name} has the shape {given}, but bundle.json asks for {shape}"
                    )
            weights = {name: file.get_tensor(name) for name in expected}
            learned = [
                {
                    name.removeprefix(start): file.get_tensor(name)
                    for name in held
                    if name.startswith(start)
                }
                for start in starts
            ]
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged: {str(error)[:160]}") from None
    for name, (_, dtype) in expected.items():
        if weights[name].dtype != dtype:
            raise InputError(f"{path}: {name} is of {weights[name].dtype}, not of {dtype}")
    return weights, learned


def _recipe(source: Path, manifest: Manifest) -> Recipe:
    recipe = _item(source, RECIPES, Applied(manifest.recipe, manifest.settings))
    strategies = tuple(_item(source, STRATEGIES, applied) for applied in manifest.strategies)
    return defended(recipe, strategies) if strategies else recipe


def _item(source: Path, registry: Registry[Any], applied: Applied) -> Any:
    """Make a recipe, strategy or guard of what the manifest says of it."""
    kind = registry.get(applied.name)
    unknown = set(applied.settings) - {part.name for part in fields(kind)}
    if unknown:
        raise InputError(f"{source}: {applied.name} has no setting {min(unknown)!r}")
    try:
        return msgspec.convert(applied.settings, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{source}: a setting of {applied.name} is wrong: {error}") from None
