"""An ONNX graph, put together node by node. The same weights give the same bytes on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # of the time of opset 17; left to the library, it would change with the library's version

Shape = Sequence[int | str]


@dataclass
class Graph:
    """Values are their names."""

    name: str
    _nodes: list[onnx.NodeProto] = field(default_factory=list)
    _weights: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output; "" leaves an optional input out."""
        return self.add_many(operator, inputs, 1, **attributes)[0]

    def add_many(self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        made = [f"{operator.lower()}_{len(self._nodes)}_{n}" for n in range(outputs)]
        self._nodes.append(helper.make_node(operator, inputs, made, **attributes))
        return made

    def weights(self, values: Any) -> str:
        """A constant in float32, whatever it was computed in."""
        return self._constant(np.asarray(values, np.float32))

    def integers(self, *values: int) -> str:
        return self._constant(np.asarray(values, np.int64))

    def integer(self, value: int) -> str:
        """A scalar."""
        return self._constant(np.asarray(value, np.int64))

    def _constant(self, values: np.typing.NDArray[Any]) -> str:
        name = f"constant_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def to_bytes(self, takes: tuple[str, Shape], gives: tuple[str, str, Shape]) -> bytes:
        """`takes`: name and shape of the input. `gives`: name and shape of the output, after the value it is."""
        value, name, shape = gives
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        made = helper.make_graph(
            self._nodes,
            self.name,
            [helper.make_tensor_value_info(takes[0], TensorProto.FLOAT, takes[1])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
            self._weights,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="speakerid")
        onnx.checker.check_model(model)
        encoded: bytes = model.SerializeToString(deterministic=True)
        return encoded
