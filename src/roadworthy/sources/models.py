import difflib
from pathlib import Path

import torch

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.fingerprint import code_fingerprint, fingerprint
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress, Silent, piece
from roadworthy.core.training import Recipe
from roadworthy.frameworks import MXNET, wrap_model
from roadworthy.frameworks.endpoint import load_endpoint
from roadworthy.frameworks.exported_program import load_exported_program
from roadworthy.frameworks.http_post import is_address
from roadworthy.frameworks.lightgbm_model import load_lightgbm
from roadworthy.frameworks.onnx_session import load_onnx
from roadworthy.frameworks.xgboost_model import load_xgboost
from roadworthy.recipes import RECIPES
from roadworthy.sources.bundles import MANIFEST, is_bundle, load_bundle, save_bundle
from roadworthy.sources.imported import import_object, is_import
from roadworthy.sources.pickles import is_pickle, load_pickle
from roadworthy.sources.skops_files import load_skops

FILES = (".pt2", ".onnx", ".skops", ".keras", ".ubj", ".json", ".txt")


def load_model(
    source: str | Path,
    dataset: Dataset,
    *,
    trust: bool = False,
    seed: int = 0,
    store: Path | None = None,
    progress: Progress | None = None,
) -> Model:
    """Load a model, or train the baseline that a recipe's name asks for.

    Args:
        source: a recipe's name, a bundle folder, a `.pt2`, `.onnx`, `.skops` or `.keras` file, a
            `.ubj` or `.json` file of XGBoost, a `.txt` file of LightGBM, `package.module:name`,
            the address of an endpoint (`http://…`), or, with `trust`, a pickle or a TensorFlow
            SavedModel folder.
        dataset: what it is inspected on; a baseline is trained on its training split.
        trust: load files that can run code.
        seed: of a baseline's training.
        store: where trained baselines are kept; None keeps none.
        progress: where to say how far training is.

    Raises:
        InputError: there is no such model, it cannot be trusted, or it does not fit the dataset.
        MissingExtraError: the format's package is not installed.
    """
    text, path = str(source), Path(source)
    if text in RECIPES and not path.is_file():
        return _baseline(RECIPES.get(text)(), dataset, seed, store, progress or Silent())
    if is_address(text):
        return load_endpoint(text, dataset)
    if path.is_dir():
        return _from_folder(path, dataset, trust)
    if path.is_file():
        return _from_file(path, dataset, trust)
    if is_import(text):
        return wrap_model(import_object(text), dataset, name=text)
    raise _unknown(text)


def _baseline(
    recipe: Recipe, dataset: Dataset, seed: int, store: Path | None, progress: Progress
) -> Model:
    """Train a baseline, or read the one that the same recipe, rows and seed gave before."""
    key = fingerprint(
        repr(recipe), dataset.fingerprint, seed, code_fingerprint(), torch.__version__
    )
    folder = None if store is None else store / "models" / f"{recipe.card.name}-{key[:32]}"
    if folder is not None and is_bundle(folder):
        try:
            return load_bundle(folder, dataset)
        except InputError:
            pass  # damaged since it was kept: train again and replace it
    with piece(progress, f"Training {recipe.card.name}", 0.0):
        model = recipe.fit(dataset, dataset.train, seed, progress)
    if folder is not None:
        save_bundle(model, folder)
    return model


def _from_folder(path: Path, dataset: Dataset, trust: bool) -> Model:
    if (path / "saved_model.pb").is_file():
        return _from_saved_model(path, dataset, trust)
    if not is_bundle(path):
        raise InputError(f"the folder {path} is no bundle: it lacks {MANIFEST}")
    return load_bundle(path, dataset)


def _from_saved_model(path: Path, dataset: Dataset, trust: bool) -> Model:
    try:
        from roadworthy.frameworks.tensorflow_function import load_saved_model
    except ImportError:
        raise MissingExtraError("a TensorFlow SavedModel", "tensorflow") from None
    return load_saved_model(path, dataset, trust=trust)


def _from_file(path: Path, dataset: Dataset, trust: bool) -> Model:
    if is_pickle(path):
        return wrap_model(load_pickle(path, trust), dataset, name=path.name)
    if path.suffix == ".pt2":
        return load_exported_program(path, dataset, trust=trust)
    if path.suffix == ".onnx":
        return load_onnx(path, dataset)
    if path.suffix == ".keras":
        from roadworthy.frameworks.keras_model import load_keras  # Keras is slow to import

        return load_keras(path, dataset, trust=trust)
    if path.suffix == ".skops":
        return wrap_model(load_skops(path, trust), dataset, name=path.name)
    if path.name.endswith("-symbol.json") or path.suffix == ".params":
        raise InputError(f"{path}: {MXNET}")
    if path.suffix in (".ubj", ".json"):
        return load_xgboost(path, dataset)
    if path.suffix == ".txt":
        return load_lightgbm(path, dataset)
    raise InputError(
        f"{path} is no file that holds a model: give a bundle folder or one of {', '.join(FILES)}"
    )


def _unknown(text: str) -> InputError:
    near = difflib.get_close_matches(text.casefold(), RECIPES.names(), n=1, cutoff=0.5)
    if Path(text).suffix or "/" in text:
        return InputError(f"there is no file or folder {text}: check the path")
    hint = (
        f"did you mean {near[0]}? A model"
        if near
        else f"baselines are {', '.join(RECIPES.names())}; a model"
    )
    return InputError(
        f"there is no baseline, file or folder {text!r}: {hint} can also be a bundle folder, a "
        f"file ({', '.join(FILES)}), an address (http://…) or package.module:name"
    )
