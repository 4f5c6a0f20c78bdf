import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.model import Model, ModelSpec, Offer
from roadworthy.frameworks.fixed_batch import in_batches
from roadworthy.frameworks.layout import FOREIGN
from roadworthy.frameworks.onnx_graph import OnnxGraph, read_graph
from roadworthy.frameworks.onnx_node import UnknownOperator
from roadworthy.frameworks.outputs import Reading, convert, like_inputs
from roadworthy.frameworks.probe import MODEL_ERRORS, Probed, probe, probe_rows

LARGEST = 2 * 1024**3  # bytes: protobuf reads no larger message
NEAR = 1e-5  # of the largest output: how far two computations of one graph may be apart
KINDS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
}


class OnnxModel(Model):
    """An ONNX file, in torch with gradients or else through ONNX Runtime on the CPU without.

    Args:
        spec: what is known of it.
        call: runs the file.
        probed: how to feed it and to read its outputs.
    """

    def __init__(self, spec: ModelSpec, call: "OnnxGraph | Session", probed: Probed) -> None:
        super().__init__(spec)
        self._call = call
        self._probed = probed

    def move(self, device: torch.device) -> None:
        if isinstance(self._call, OnnxGraph):
            self._call.to(device)

    def forward(self, x: Tensor) -> Tensor:
        outputs = self._call(self._probed.layout.arrange(x))
        return like_inputs(convert(outputs, self._probed.reading, self.spec.outputs), x)


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
        self.batch = first if isinstance(first, int) else None
        self.given, self.wanted = str(self._input.name), _choose_output(runtime.get_outputs())
        self.dtype = torch.from_numpy(np.empty(0, KINDS[self._input.type])).dtype
        self._runtime = runtime
        self._errors = errors

    def __call__(self, x: Tensor) -> Tensor:
        """Give the raw outputs for inputs (N, …)."""
        return in_batches(self._run, x.detach().cpu().to(self.dtype), self.batch)

    def _run(self, x: Tensor) -> Tensor:
        try:
            (values,) = self._runtime.run([self.wanted], {self.given: x.numpy()})
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
    call, why_not = _differentiable(path, session, probed, dataset)
    notes = (f"The ONNX model shows scores but no gradients: {why_not}.",) if why_not else ()
    gradients = {Offer.GRADIENTS} if isinstance(call, OnnxGraph) else set()
    spec = ModelSpec(
        name=name or path.name,
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers | gradients,
        fingerprint=_hash_files([path, *files]),
        parameters=numbers,
        size=sum(file.stat().st_size for file in [path, *files]),
        stochastic=probed.is_stochastic,
        notes=(*probed.notes, *notes),
    )
    return OnnxModel(spec, call, probed)


def _differentiable(
    path: Path, session: Session, probed: Probed, dataset: Dataset
) -> tuple[OnnxGraph | Session, str]:
    """Give what computes the file in torch if that gives the same outputs, or else why not."""
    if probed.reading == Reading.LABELS:
        return session, ""
    try:
        graph = read_graph(path, session.given, session.wanted, session.dtype, session.batch)
        trouble = _compare(graph, probed, dataset)
    except UnknownOperator as error:
        trouble = f"its operator {error} is not known here"
    except MODEL_ERRORS as error:
        cause = " ".join(str(error).split())[:160]
        trouble = f"it cannot be computed in torch ({type(error).__name__}: {cause})"
    return (session, trouble) if trouble else (graph, "")


def _compare(graph: OnnxGraph, probed: Probed, dataset: Dataset) -> str:
    """Say why a graph cannot stand for the file that gave some outputs; empty if it can."""
    x = probe_rows(dataset).requires_grad_()
    with torch.enable_grad():
        outputs = graph(probed.layout.arrange(x))
    expected = probed.outputs
    if outputs.shape != expected.shape:
        return f"in torch its outputs have shape {tuple(outputs.shape)}"
    gap = float((outputs.detach() - expected).abs().max())
    if not gap <= NEAR * max(1.0, float(expected.abs().max())):
        return f"in torch its outputs differ from those of ONNX Runtime by up to {gap:.1g}"
    if not outputs.requires_grad:
        return "no derivative leads from its outputs to its inputs"
    (gradient,) = torch.autograd.grad(outputs.sum(), x, allow_unused=True)
    return "" if gradient is not None else "its outputs do not depend on its inputs"


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
