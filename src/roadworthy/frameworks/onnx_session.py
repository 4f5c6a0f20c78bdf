import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.model import Model, ModelSpec, Offer
from roadworthy.frameworks.layout import FOREIGN
from roadworthy.frameworks.onnx_graph import OnnxGraph, UnknownStepError
from roadworthy.frameworks.outputs import convert
from roadworthy.frameworks.probe import MODEL_ERRORS, Probed, probe, probe_rows

LARGEST = 2 * 1024**3  # bytes: protobuf reads no larger message
KINDS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
}


class OnnxModel(Model):
    """An ONNX file: through ONNX Runtime on the CPU, or in torch where every step is known there.

    Args:
        spec: what is known of it.
        call: computes the raw outputs; differentiable if it is the graph in torch.
        probed: how to feed it and to read its outputs.
    """

    def __init__(self, spec: ModelSpec, call: Callable[[Tensor], Tensor], probed: Probed) -> None:
        super().__init__(spec)
        self._call = call
        self._probed = probed

    def forward(self, x: Tensor) -> Tensor:
        outputs = self._call(self._probed.layout.arrange(x))
        return convert(outputs, self._probed.reading, self.spec.outputs).to(x)


class Session:
    """Feeds an ONNX Runtime session, batch by batch where the file fixes the batch's size.

    Args:
        runtime: the `InferenceSession`.
        errors: what it raises.
    """

    def __init__(self, runtime: Any, errors: tuple[type[Exception], ...]) -> None:
        inputs = runtime.get_inputs()
        if len(inputs) != 1:
            raise InputError(
                f"the ONNX model takes {len(inputs)} inputs "
                f"({', '.join(part.name for part in inputs[:5])}): export it with one"
            )
        self._input = inputs[0]
        if self._input.type not in KINDS:
            raise InputError(f"the ONNX model takes {self._input.type}: export it for numbers")
        first = self._input.shape[0] if self._input.shape else None
        self._batch = first if isinstance(first, int) else None
        self._runtime = runtime
        self._errors = errors
        self.output = _choose_output(runtime.get_outputs())

    @property
    def is_plain(self) -> bool:
        """It takes float32 numbers, any number of rows at a time."""
        return self._batch is None and self._input.type == "tensor(float)"

    def __call__(self, x: Tensor) -> Tensor:
        """Give the raw outputs for inputs (N, …)."""
        rows = x.detach().cpu().numpy().astype(KINDS[self._input.type])
        if self._batch is None:
            return self._run(rows)
        padding = np.repeat(rows[-1:], -len(rows) % self._batch, 0)
        padded = np.concatenate([rows, padding])
        parts = [self._run(part) for part in np.split(padded, len(padded) // self._batch)]
        return torch.cat(parts)[: len(rows)]

    def _run(self, rows: np.ndarray) -> Tensor:
        try:
            (values,) = self._runtime.run([self.output], {self._input.name: rows})
        except self._errors as error:
            raise RuntimeError(str(error)) from error
        if isinstance(values, list):  # one mapping from class to probability per row
            values = np.array([[row[name] for name in sorted(row)] for row in values])
        if values.dtype.kind not in "biuf":
            raise InputError("the ONNX model gives text as labels: export it with probabilities")
        return torch.from_numpy(values)


def _choose_output(outputs: list[Any]) -> str:
    """Prefer scores to labels; classifiers of skl2onnx give both."""
    if len(outputs) == 1:
        return str(outputs[0].name)
    scores = [part for part in outputs if "float" in part.type or "double" in part.type]
    named = [part for part in scores if "prob" in part.name or "logit" in part.name]
    if len(named) == 1:
        return str(named[0].name)
    if len(scores) == 1:
        return str(scores[0].name)
    names = ", ".join(part.name for part in outputs[:5])
    raise InputError(
        f"the ONNX model gives {len(outputs)} outputs ({names}) and none alone is named as its "
        "probabilities or logits: export it with one output"
    )


def load_onnx(path: Path, dataset: Dataset, name: str | None = None) -> OnnxModel:
    """Make a model of an ONNX file.

    Raises:
        InputError: it is damaged, too large, reads files outside its folder, or does not fit.
        MissingExtraError: ONNX or ONNX Runtime is not installed.
    """
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path} is larger than 2 GiB, which ONNX files cannot be")
    try:
        import onnx
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as states
    except ImportError:
        raise MissingExtraError("an ONNX model", "onnx") from None
    errors = tuple(
        kind
        for kind in vars(states).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    )
    numbers, files = _read_weights(onnx, path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # what goes wrong is raised; warnings would only be printed
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        runtime = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except errors as error:
        raise InputError(f"ONNX Runtime cannot read {path}: {str(error)[:160]}") from None
    session = Session(runtime, errors)
    probed = probe(session, dataset, FOREIGN)
    graph, note = _express(onnx, path, session, probed, dataset)
    spec = ModelSpec(
        name=name or path.name,
        task=dataset.task,
        input_shape=tuple(dataset.test.x.shape[1:]),
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers | ({Offer.GRADIENTS} if graph is not None else frozenset()),
        fingerprint=_hash_files([path, *files]),
        parameters=numbers,
        size=sum(file.stat().st_size for file in [path, *files]),
        stochastic=probed.is_stochastic,
        notes=(*probed.notes, *note),
    )
    return OnnxModel(spec, session if graph is None else graph, probed)


def _express(
    onnx: Any, path: Path, session: Session, probed: Probed, dataset: Dataset
) -> tuple[OnnxGraph | None, tuple[str, ...]]:
    """Write the graph in torch, or say why there are no gradients."""
    if Offer.SCORES not in probed.offers or not session.is_plain:
        return None, ()
    refusal = "Gradients are not offered: "
    try:
        whole = onnx.load(path).graph
        read, value = onnx.numpy_helper.to_array, onnx.helper.get_attribute_value
        graph = OnnxGraph(whole, read, value, session.output)
        with torch.enable_grad():
            inputs = probed.layout.arrange(probe_rows(dataset)).requires_grad_()
            outputs = graph(inputs)
    except UnknownStepError as error:
        return None, (f"{refusal}the step {error} of the graph is not known in torch.",)
    except MODEL_ERRORS as error:
        cause = " ".join(str(error).split())[:160]
        return None, (f"{refusal}the graph does not run in torch ({cause}).",)
    expected = probed.outputs
    is_same = outputs.shape == expected.shape and torch.allclose(
        outputs.detach(), expected.to(outputs), rtol=1e-4, atol=1e-5
    )
    if not is_same:
        return None, (f"{refusal}written in torch, the graph gave other values.",)
    return (graph, ()) if outputs.requires_grad else (None, (f"{refusal}none reaches the inputs.",))


def _read_weights(onnx: Any, path: Path) -> tuple[int, list[Path]]:
    """Count the weights, and list the files beside the model that hold some of them."""
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except (DecodeError, ValueError) as error:
        raise InputError(f"{path} is not an ONNX file: {error}") from None
    folder, files = path.parent.resolve(), set()
    for tensor in _tensors(graph):
        for place in (part.value for part in tensor.external_data if part.key == "location"):
            file = (folder / place).resolve()
            if not file.is_relative_to(folder):
                raise InputError(
                    f"{path} reads weights from outside its folder, {place!r}: refused"
                )
            if not file.is_file():
                raise InputError(f"{path} keeps weights in {place!r}, which is missing")
            files.add(file)
    numbers = sum(int(np.prod(tensor.dims)) for tensor in graph.initializer)
    return numbers, sorted(files)


def _tensors(graph: Any) -> Any:
    """Walk over every tensor of a graph and of the graphs inside its nodes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for attribute in (part for node in graph.node for part in node.attribute):
        yield attribute.t
        yield from attribute.tensors
        for inner in (attribute.g, *attribute.graphs):
            if inner.node or inner.initializer:
                yield from _tensors(inner)


def _hash_files(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
