import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from roadworthy.core.atomic import replacing
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset
from roadworthy.core.effort import EFFORTS, Effort
from roadworthy.core.errors import ArtifactError, InputError, NotAssessed
from roadworthy.core.fingerprint import code_fingerprint, fingerprint
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress, Silent, piece

V = TypeVar("V")


@dataclass(frozen=True, eq=False)
class Subject:
    """The model and the dataset under inspection, and how much work it may be.

    Args:
        model: what is inspected.
        dataset: what it was fitted on and is judged on.
        seed: the root of every random number.
        effort: how much work it may be.
        device: where the model computes; the dataset stays on the CPU.
        arguments: the model and dataset as given on the command line, for remedies.
    """

    model: Model
    dataset: Dataset
    seed: int = 0
    effort: Effort = EFFORTS["standard"]
    device: str = "cpu"
    arguments: str = "MODEL DATA"

    def seed_for(self, item: object) -> int:
        """Give an item its own seed: it depends on the root seed and the item, on nothing else."""
        return int(fingerprint(self.seed, repr(item))[:15], 16)


class Get(Protocol):
    """Hands out the value of a declared artifact."""

    def __call__(self, request: "Artifact[V]") -> V:
        """Give the value.

        Raises:
            ArtifactError: it failed, now or earlier.
        """


class Artifact(ABC, Generic[V]):
    """Something expensive computed from a subject once and shared.

    A frozen dataclass: the request is the key. `compute` gives a frozen dataclass whose fields are
    tensors, or what JSON can hold; `value` names that class, so that it can be read back.
    """

    card: ClassVar[Card]
    value: ClassVar[type[Any]]

    def needs(self, subject: Subject) -> "tuple[Artifact[Any], ...]":
        """Name the artifacts that this one is made from."""
        return ()

    @abstractmethod
    def cost(self, subject: Subject) -> float:
        """Estimate the work in forward passes of single samples (a backward pass is two)."""

    @abstractmethod
    def compute(self, subject: Subject, get: Get, progress: Progress) -> V:
        """Make the value.

        Raises:
            NotAssessed: the subject does not offer what it takes.
        """


class Store:
    """Artifact values on disk, by the hash of all they depend on.

    A value is written to a temporary file and then renamed, so a killed run leaves either the
    whole value or nothing. A file that cannot be read is treated as absent.

    Args:
        root: the folder; made when first written to. None keeps nothing.
        fresh: do not read what is there.
    """

    def __init__(self, root: Path | None, fresh: bool = False) -> None:
        self._root = root
        self._fresh = fresh

    def has(self, key: str) -> bool:
        """Say whether there is a file under a key, without reading it."""
        return self._root is not None and not self._fresh and self._path(key).exists()

    def read(self, key: str, cls: type[V]) -> tuple[V, float] | None:
        """Give a value and the seconds it once took, or None."""
        if not self.has(key):
            return None
        try:
            with safe_open(self._path(key), framework="pt") as file:
                meta = msgspec.json.decode(file.metadata()["value"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            value = msgspec.convert(tensors | meta["fields"], cls, dec_hook=_as_is)
        except (SafetensorError, OSError, KeyError, TypeError, msgspec.MsgspecError):
            return None
        return value, float(meta["seconds"])

    def write(self, key: str, value: Any, seconds: float) -> None:
        """Keep a value: a dataclass of tensors and of what JSON can hold."""
        if self._root is None:
            return
        parts = {part.name: getattr(value, part.name) for part in fields(value)}
        tensors = {
            # a copy: tensors that share memory are refused
            name: part.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, part in parts.items()
            if isinstance(part, Tensor)
        }
        plain = {name: part for name, part in parts.items() if name not in tensors}
        meta = msgspec.json.encode({"seconds": seconds, "fields": plain}).decode()
        with replacing(self._path(key)) as temporary:
            safetensors.torch.save_file(tensors, temporary, metadata={"value": meta})

    def _path(self, key: str) -> Path:
        assert self._root is not None
        return self._root / f"{key}.safetensors"


def _as_is(kind: type, value: object) -> object:
    return value


@dataclass(frozen=True)
class Made:
    """What the bench knows of one artifact in this run.

    Args:
        name: the artifact's name.
        request: its exact settings.
        seconds: how long it took when it was computed.
        reused: it came from the store.
    """

    name: str
    request: str
    seconds: float
    reused: bool


class Bench:
    """Computes each artifact once, keeps it, and hands it only to those who declared it.

    Args:
        subject: what the artifacts are computed from.
        store: where values are kept between runs.
        progress: where to say how far the work is.
    """

    def __init__(self, subject: Subject, store: Store, progress: Progress | None = None) -> None:
        self.subject = subject
        self.made: dict[str, Made] = {}
        self._store = store
        self._progress = progress or Silent()
        self._values: dict[str, Any] = {}
        self._failed: dict[str, Exception] = {}
        self._started = time.monotonic()
        self._seconds_per_pass: float | None = None

    def get_for(self, declared: tuple[Artifact[Any], ...]) -> Get:
        """Give the function that hands out these artifacts and refuses all others."""

        def get(request: Artifact[V]) -> V:
            assert request in declared, f"{request!r} was not declared in needs()"
            return self._get(request)

        return get

    def plan(self, requests: tuple[Artifact[Any], ...]) -> dict[str, Artifact[Any]]:
        """List artifacts and what they are made from by their `repr`, makers first."""
        found: dict[str, Artifact[Any]] = {}
        for request in requests:
            found |= self.plan(request.needs(self.subject))
            found.setdefault(repr(request), request)
        return found

    def is_at_hand(self, request: Artifact[Any]) -> bool:
        """Say whether an artifact is in memory or in the store."""
        return repr(request) in self._values or self._store.has(self._key(request))

    def seconds(self, request: Artifact[Any]) -> float:
        """Estimate how long an artifact will take; 0 when it is at hand."""
        if self.is_at_hand(request):
            return 0.0
        if self._seconds_per_pass is None:
            self._seconds_per_pass = _time_a_pass(self.subject)
        return request.cost(self.subject) * self._seconds_per_pass

    def _key(self, request: Artifact[Any]) -> str:
        return fingerprint(
            self.subject.model.spec.fingerprint,
            self.subject.dataset.fingerprint,
            self.subject.seed,
            repr(request),
            code_fingerprint(),
            torch.__version__,
        )

    def _get(self, request: Artifact[V]) -> V:
        name = repr(request)
        if name in self._failed:
            raise self._failed[name]
        if name not in self._values:
            try:
                self._values[name] = self._read_or_make(request)
            except (NotAssessed, ArtifactError) as error:
                self._failed[name] = error
                raise
            except InputError:
                raise
            except Exception as error:
                # whatever a stranger's model throws must not take the other checks down
                cause = f"{type(error).__name__}: {error}"
                self._failed[name] = ArtifactError(f"artifact {request.card.name}: {cause}")
                raise self._failed[name] from error
        value: V = self._values[name]
        return value

    def _read_or_make(self, request: Artifact[V]) -> V:
        stored = self._store.read(self._key(request), request.value)
        if stored is not None:
            found: V = stored[0]
            self.made[repr(request)] = Made(request.card.name, repr(request), stored[1], True)
            return found
        expected = self.seconds(request)
        self._check_time_left(expected)
        get = self.get_for(request.needs(self.subject))
        before = time.monotonic()
        with piece(self._progress, request.card.title, expected):
            made = request.compute(self.subject, get, self._progress)
        seconds = time.monotonic() - before
        self._store.write(self._key(request), made, seconds)
        self.made[repr(request)] = Made(request.card.name, repr(request), seconds, False)
        return made

    def _check_time_left(self, expected: float) -> None:
        limit = self.subject.effort.seconds
        spent = time.monotonic() - self._started
        if limit is not None and spent + expected > limit:
            raise NotAssessed(
                f"it did not fit the budget of {limit:g} s; raise --budget, or run the same "
                "command again: what is finished is kept"
            )


def _time_a_pass(subject: Subject) -> float:
    """Time a forward pass, in seconds per sample; it serves estimates only."""
    batch = subject.dataset.test.x[:256].to(subject.device)
    with torch.no_grad():
        subject.model.forward(batch)
        before = time.perf_counter()
        subject.model.forward(batch)
    return (time.perf_counter() - before) / len(batch)
