"""PyTorch checkpoints read without PyTorch: a zip of raw arrays and a pickle that names them.

Only dictionaries, numbers, text and tensors are understood, so reading a file runs no code of the file.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speakerid.errors import ConversionFailed

Array = NDArray[Any]
Weights = Mapping[str, Array]

STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
INDEX = "data.pkl"


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
    """PyTorch counts strides in elements, numpy in bytes."""
    inside = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) < len(storage)
    if 0 in shape or not inside or min((offset, *strides), default=0) < 0:
        raise ConversionFailed(f"The checkpoint holds a tensor of shape {tuple(shape)} that its data does not fill.")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()
