"""What `train` and `finetune` have in common: the extra they need, the devices they run on."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec

from speakerid.errors import SpeakeridError
from speakerid.errors.extras import how_to_install


class Device(StrEnum):
    CPU = "cpu"
    CUDA = "cuda"


class TrainingExtraMissing(SpeakeridError):
    code = "training_extra_missing"

    def __init__(self, missing: str) -> None:
        super().__init__(f"Training needs the package {missing!r}. {how_to_install('train')}")


def require_extra() -> None:
    """Raises `TrainingExtraMissing` before anything slow begins."""
    for name in ("onnx", "onnxscript", "matplotlib"):
        if find_spec(name) is None:
            raise TrainingExtraMissing(name)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
