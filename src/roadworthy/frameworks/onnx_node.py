from dataclasses import dataclass
from typing import Any


class UnknownOperator(Exception):  # noqa: N818 - the model can still be run by ONNX Runtime
    """A graph holds an operator, or a form of one, that is not known here."""


@dataclass(frozen=True)
class Node:
    """One step of an ONNX graph.

    Args:
        kind: the operator's name.
        inputs: names of the values it takes; empty where an optional one is left out.
        outputs: names of the values it gives.
        attributes: its settings; tensors are torch's.
        opset: version of the operators' definitions.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    opset: int

    def get(self, name: str, default: Any = None) -> Any:
        """Give a setting, or its default."""
        return self.attributes.get(name, default)

    def require(self, name: str, *allowed: Any) -> None:
        """Say that a setting, if given, must be one of those that are known here.

        Raises:
            UnknownOperator: it is not.
        """
        if self.get(name, allowed[0]) not in allowed:
            raise UnknownOperator(f"{self.kind} with {name} = {self.get(name)}")
