from typing import Any

import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, ModelSpec
from roadworthy.core.text import to_texts
from roadworthy.frameworks.function import tensor_of
from roadworthy.frameworks.http_post import Post, Refused, Unreachable
from roadworthy.frameworks.layout import FOREIGN
from roadworthy.frameworks.outputs import convert, like_inputs
from roadworthy.frameworks.probe import Probed, probe

# names of what is sent and of what comes back: ours, and those of KServe and TensorFlow Serving
FORMATS = (("inputs", "outputs"), ("instances", "predictions"))
ROWS = 64  # at most, per request
NUMBERS = 500_000  # at most, per request: about 10 MB of text


class EndpointModel(Model):
    """A model behind an address: scores or labels, no gradients.

    Args:
        spec: what is known of it.
        endpoint: asks it.
        probed: how to feed it and to read its outputs.
    """

    def __init__(self, spec: ModelSpec, endpoint: "Endpoint", probed: Probed) -> None:
        super().__init__(spec)
        self._endpoint = endpoint
        self._probed = probed

    def forward(self, x: Tensor) -> Tensor:
        try:
            outputs = self._endpoint(self._probed.layout.arrange(x))
        except Unreachable as error:
            raise InputError(str(error)) from None
        return like_inputs(convert(outputs, self._probed.reading, self.spec.outputs), x)


class Endpoint:
    """Asks an address for the outputs of rows, in the format that it turned out to take.

    Args:
        post: sends and receives.
        dataset: names the classes, should the answers be names.
    """

    def __init__(self, post: Post, dataset: Dataset) -> None:
        self._post = post
        self._dataset = dataset
        self._formats: tuple[tuple[str, str], ...] = FORMATS

    def __call__(self, x: Tensor) -> Tensor:
        """Give the raw outputs for inputs (N, …)."""
        classes = len(self._dataset.classes)
        if len(x) == 0:  # nothing to ask
            return torch.zeros(0, max(1, classes))
        per_row = max(x[0].numel(), classes)
        rows = min(ROWS, max(1, NUMBERS // per_row))
        return torch.cat([self._ask(part) for part in x.detach().cpu().split(rows)])

    def _ask(self, x: Tensor) -> Tensor:
        troubles: list[str] = []
        rows = to_texts(x) if self._dataset.kind == "text" else x.tolist()
        for given, wanted in self._formats:
            try:
                outputs = self._read(self._post({given: rows}), wanted, len(x))
            except Refused as error:
                troubles.append(f'sent {{"{given}": …}}, it {error}')
                continue
            except Unreachable:
                if not troubles:
                    raise
                break  # the server answered before, so its answer says more
            self._formats = ((given, wanted),)
            return outputs
        # the cause tells the probe that the outputs were never seen
        raise InputError(
            f"{self._post.name} does not answer as a model: {'; '.join(troubles)}"
        ) from Refused(troubles[0])

    def _read(self, answer: Any, wanted: str, rows: int) -> Tensor:
        if not isinstance(answer, dict) or wanted not in answer:
            raise Refused(f'answers with JSON that lacks "{wanted}"')
        try:
            outputs = tensor_of(answer[wanted], self._dataset)
        except ValueError:  # rows of different lengths
            outputs = None
        if not isinstance(outputs, Tensor) or outputs.ndim == 0:
            raise Refused(
                f'answers with "{wanted}" that is no table of numbers and no list of labels'
            )
        if len(outputs) != rows:
            raise Refused(f"answers with {len(outputs)} outputs for {rows} inputs")
        return outputs


def load_endpoint(address: str, dataset: Dataset, name: str | None = None) -> EndpointModel:
    """Make a model of an address that answers POST {"inputs": …} with {"outputs": …}.

    {"instances": …} with {"predictions": …}, as KServe and TensorFlow Serving have it, is
    understood as well.

    Raises:
        InputError: nobody answers there, or not with outputs that fit the dataset.
    """
    post = Post(address)
    endpoint = Endpoint(post, dataset)
    try:
        probed = probe(endpoint, dataset, FOREIGN)
    except Unreachable as error:
        raise InputError(str(error)) from None
    spec = ModelSpec(
        name=name or post.name,
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers,
        fingerprint=fingerprint(post.name, probed.outputs),
        stochastic=probed.is_stochastic,
        notes=(
            *probed.notes,
            "The model is an endpoint: its hash covers its address and its outputs on "
            f"{len(probed.outputs)} test rows, not what runs behind it.",
        ),
    )
    return EndpointModel(spec, endpoint, probed)
