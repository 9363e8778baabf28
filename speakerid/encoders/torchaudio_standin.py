"""Lets `import torchaudio` succeed where only its native part is missing.

PyPI's torchaudio 2.11 is built for CUDA: beside a CPU-only torch its extension needs libraries that are not there
(`libc10_cuda.so`, `libcudart.so`) and the import dies, and SpeechBrain's with it. The Python code, all that SpeechBrain
uses, does not need the extension. Call `ensure_torchaudio` before every SpeechBrain import.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

EXTENSION = "torchaudio._extension"
F = TypeVar("F", bound=Callable[..., object])


def ensure_torchaudio() -> bool:
    """True when the stand-in is in use, False when torchaudio works as installed.

    Raises ImportError when it is not installed.
    """
    if "torchaudio" not in sys.modules:
        try:
            importlib.import_module("torchaudio")
        except OSError:
            _forget_half_imported()
            sys.modules[EXTENSION] = standin()
            importlib.import_module("torchaudio")
    return getattr(sys.modules.get(EXTENSION), "is_standin", False)


def standin() -> ModuleType:
    module = ModuleType(EXTENSION, "Stands in for torchaudio's native extension: none of it is available.")
    names: dict[str, object] = {
        "_IS_TORCHAUDIO_EXT_AVAILABLE": False,
        "_IS_ALIGN_AVAILABLE": False,
        "fail_if_no_align": _unchanged,
        "is_standin": True,
    }
    module.__dict__.update(names)
    return module


def _unchanged(function: F) -> F:
    return function


def _forget_half_imported() -> None:
    for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
        del sys.modules[name]
