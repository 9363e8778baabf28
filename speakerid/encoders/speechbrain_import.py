"""Imports of torchaudio and SpeechBrain that succeed beside a CPU-only torch and break no other library.

PyPI's torchaudio 2.11 is built for CUDA: beside a CPU-only torch its extension needs libraries that are not there
(`libc10_cuda.so`, `libcudart.so`) and the import dies, and SpeechBrain's with it. The Python code, all that SpeechBrain
uses, does not need the extension. Call `ensure_torchaudio` before every SpeechBrain import.

Importing SpeechBrain 1.1 puts placeholders such as `speechbrain.k2_integration` into `sys.modules`. Whoever walks
that table and asks a placeholder for an attribute (hypothesis does, picklers and reloaders too) makes it import
packages that are not installed, and gets an ImportError or a warning. Call `forget_redirects` after the import.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

EXTENSION = "torchaudio._extension"
F = TypeVar("F", bound=Callable[..., object])
PLACEHOLDER = "DeprecatedModuleRedirect"  # the class in speechbrain.utils.importutils


def ensure_torchaudio() -> bool:
    """Import torchaudio: True when the stand-in is in use, False when it works as installed.

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


def forget_redirects() -> None:
    """Take the placeholders out; SpeechBrain's packages keep them as attributes, so old YAML files still resolve."""
    for name, module in list(sys.modules.items()):
        if name.startswith("speechbrain.") and type(module).__name__ == PLACEHOLDER:
            del sys.modules[name]
