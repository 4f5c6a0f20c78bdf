import base64
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, ModelSpec
from roadworthy.frameworks.layout import FOREIGN
from roadworthy.frameworks.outputs import convert
from roadworthy.frameworks.probe import Probed, probe

TOKEN = "ROADWORTHY_ENDPOINT_TOKEN"  # the environment variable that holds a bearer token
# what is sent and read back: Roadworthy's own words, and those of TensorFlow Serving and KServe
DIALECTS = (("inputs", "outputs"), ("instances", "predictions"))
LARGEST = 64 << 20  # bytes of an answer
BATCH = 64  # rows per request
PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers after which trying again may help


class EndpointModel(Model):
    """A model behind an HTTP address: scores or labels, no gradients.

    Args:
        spec: what is known of it.
        endpoint: sends the inputs.
        probed: how to feed it and to read its outputs.
    """

    def __init__(self, spec: ModelSpec, endpoint: "Endpoint", probed: Probed) -> None:
        super().__init__(spec)
        self._endpoint = endpoint
        self._probed = probed

    def forward(self, x: Tensor) -> Tensor:
        outputs = self._endpoint(self._probed.layout.arrange(x))
        return convert(outputs, self._probed.reading, self.spec.outputs).to(x)


@dataclass(frozen=True)
class Endpoint:
    """Where to send inputs as JSON, and how to read the answer.

    Args:
        address: receives a POST.
        asks: name of the list of inputs.
        answers: name of the list of outputs.
        timeout: seconds to wait for an answer.
        tries: how often a request is sent before giving up.
        pause: seconds before the second try; doubled before each further one.
    """

    address: str
    asks: str = "inputs"
    answers: str = "outputs"
    timeout: float = 30.0
    tries: int = 4
    pause: float = 0.25

    def __call__(self, x: Tensor) -> Tensor:
        """Give the raw outputs for inputs (N, …)."""
        return torch.cat([self._read(part) for part in x.detach().cpu().split(BATCH)])

    def _read(self, rows: Tensor) -> Tensor:
        answer = self._send(json.dumps({self.asks: rows.tolist()}).encode())
        values = answer.get(self.answers) if isinstance(answer, dict) else None
        if not isinstance(values, list):
            raise InputError(
                f"{show(self.address)} answers without a list named {self.answers!r}: it must "
                f'answer {{"{self.answers}": [one entry per input]}}'
            )
        try:
            outputs = torch.tensor(values)
        except (TypeError, ValueError, RuntimeError):
            raise InputError(
                f"{show(self.address)} gives outputs that are no table of numbers"
            ) from None
        if len(outputs) != len(rows):
            raise InputError(
                f"{show(self.address)} gives {len(outputs)} outputs for {len(rows)} inputs"
            )
        return outputs

    def _send(self, body: bytes) -> Any:
        cause = ""
        for attempt in range(self.tries):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                with _OPENER.open(self._request(body), timeout=self.timeout) as answer:
                    content = answer.read(LARGEST + 1)
                break
            except urllib.error.HTTPError as error:
                cause = f"status {error.code}"
                with error:
                    said = " ".join(error.read(1000).decode(errors="replace").split())[:160]
                if error.code not in PASSING:
                    raise RefusedError(f"{show(self.address)} refuses ({cause}): {said}") from None
            except (OSError, http.client.HTTPException) as error:
                cause = str(getattr(error, "reason", error)) or type(error).__name__
        else:
            raise InputError(f"{show(self.address)} gave no answer in {self.tries} tries: {cause}")
        if len(content) > LARGEST:
            raise InputError(f"{show(self.address)} answers with more than {LARGEST >> 20} MiB")
        try:
            return json.loads(content)
        except ValueError:
            raise InputError(f"{show(self.address)} answers with what is no JSON") from None

    def _request(self, body: bytes) -> urllib.request.Request:
        parts = urlsplit(self.address)
        place = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if os.environ.get(TOKEN):
            headers["Authorization"] = f"Bearer {os.environ[TOKEN]}"
        elif parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return urllib.request.Request(place.geturl(), body, headers, method="POST")


class RefusedError(InputError):
    """The endpoint understood nothing, or allows nothing, of what it was sent."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Stay at the address that was named: a token must not be sent anywhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def is_endpoint(text: str) -> bool:
    """Say whether a text is the address of an endpoint."""
    return text.lower().startswith(("http://", "https://"))


def show(address: str) -> str:
    """Give an address without what may be secret in it: user, password, query."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def load_endpoint(address: str, dataset: Dataset, *, endpoints: Iterable[Endpoint] = ()) -> Model:
    """Make a model of what answers at an address; the token comes from the environment.

    Args:
        address: receives `{"inputs": [[…], …]}` and answers `{"outputs": […]}` with scores or a
            label per input, or receives `instances` and answers `predictions`.
        dataset: says what inputs and outputs there must be.
        endpoints: ways to ask, tried in turn; both dialects with the usual waits by default.

    Raises:
        InputError: nothing answers, or what answers does not fit the dataset.
    """
    if not urlsplit(address).hostname:
        raise InputError(f"{show(address)} names no host: give http://host:port/path")
    errors = []
    for endpoint in endpoints or [Endpoint(address, *words) for words in DIALECTS]:
        try:
            probed = probe(endpoint, dataset, FOREIGN)
        except InputError as error:
            errors.append(error)
            continue
        return EndpointModel(_spec(address, dataset, probed), endpoint, probed)
    told = [error for error in errors if not isinstance(error, RefusedError)]
    raise (told or errors)[0]


def _spec(address: str, dataset: Dataset, probed: Probed) -> ModelSpec:
    return ModelSpec(
        name=show(address),
        task=dataset.task,
        input_shape=tuple(dataset.test.x.shape[1:]),
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers,
        fingerprint=fingerprint(show(address), probed.outputs),
        stochastic=probed.is_stochastic,
        notes=(
            *probed.notes,
            "The model is behind an address: its hash covers its outputs on "
            f"{len(probed.outputs)} test rows, not its weights.",
        ),
    )
