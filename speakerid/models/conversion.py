"""Both ends of a conversion: PyTorch weights read without PyTorch, an ONNX graph put together node by node.

A checkpoint is a zip of raw arrays and a pickle that names them. Only dictionaries, numbers, text and tensors are
understood, so reading a file runs no code of the file. The same weights give the same graph on every machine, byte by
byte.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from speakerid.errors import ConversionFailed

Array = NDArray[Any]
Weights = Mapping[str, Array]
STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
INDEX = "data.pkl"
OPSET = 17
IR_VERSION = 8  # of the time of opset 17; left to the library, it would change with the library's version
Shape = Sequence[int | str]


def read_checkpoint(data: bytes) -> Any:
    """What `torch.save` wrote, with arrays for tensors. Raises `ConversionFailed` for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            index = next(name for name in archive.namelist() if name.rpartition("/")[2] == INDEX)
            return _CheckpointReader(archive, index).load()
    except ConversionFailed:
        raise
    except Exception as error:  # a damaged zip or pickle fails in every way there is
        raise ConversionFailed(f"The checkpoint cannot be read ({type(error).__name__}: {error}).") from error


class _CheckpointReader(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, index: str) -> None:
        super().__init__(io.BytesIO(archive.read(index)))
        self._archive, self._folder = archive, index.removesuffix(INDEX)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in STORAGES:
            return np.dtype(STORAGES[name])
        raise ConversionFailed(f"The checkpoint asks for {module}.{name}, which is neither weights nor numbers.")

    def persistent_load(self, pid: Any) -> Array:
        """The raw array behind a tensor: `("storage", type, file, device, length)`."""
        _, dtype, name, _, _ = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{name}"), dtype)


def _tensor(storage: Array, offset: int, shape: Sequence[int], strides: Sequence[int], *_: object) -> Array:
    """A tensor as an array. PyTorch counts strides in elements, numpy in bytes."""
    inside = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) < len(storage)
    if 0 in shape or not inside or min((offset, *strides), default=0) < 0:
        raise ConversionFailed(f"The checkpoint holds a tensor of shape {tuple(shape)} that its data does not fill.")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()


@dataclass
class Graph:
    """A graph that grows node by node; values are their names."""

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

    def to_bytes(self, takes: Sequence[tuple[str, Shape]], gives: Sequence[tuple[str, str, Shape]]) -> bytes:
        """The ONNX file.

        `takes`: name and shape of each input. `gives`: name and shape of each output, after the value it is.
        """
        self._nodes += [helper.make_node("Identity", [value], [name]) for value, name, _ in gives]
        made = helper.make_graph(
            self._nodes,
            self.name,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in takes],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for _, name, shape in gives],
            self._weights,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="speakerid")
        onnx.checker.check_model(model)
        encoded: bytes = model.SerializeToString(deterministic=True)
        return encoded
