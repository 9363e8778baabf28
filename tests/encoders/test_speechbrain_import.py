from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from subprocess import run
from types import ModuleType

import pytest

from speakerid.encoders.speechbrain_import import EXTENSION, ensure_torchaudio, standin

# Apart, because this must hold in a process that imports SpeechBrain for the first time.
WALK = """
import sys, warnings
warnings.simplefilter("error")
import speakerid.encoders.speechbrain
for module in list(sys.modules.values()):
    if module.__name__.startswith("speechbrain"):
        getattr(module, "__file__", None)
"""


@pytest.fixture
def no_torchaudio() -> Iterator[None]:
    """As in a process that has not imported it; what was imported before comes back afterwards."""
    before = {n: m for n, m in sys.modules.items() if n == "torchaudio" or n.startswith("torchaudio.")}
    for name in before:
        del sys.modules[name]
    yield
    for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
        del sys.modules[name]
    sys.modules.update(before)


def fake_import(monkeypatch: pytest.MonkeyPatch, native_works: bool, installed: bool = True) -> list[str]:
    tried: list[str] = []

    def import_module(name: str) -> ModuleType:
        tried.append(name)
        if not installed:
            raise ModuleNotFoundError("No module named 'torchaudio'")
        sys.modules["torchaudio.half"] = ModuleType("torchaudio.half")
        if EXTENSION not in sys.modules and not native_works:
            raise OSError("libc10_cuda.so: cannot open shared object file")
        sys.modules["torchaudio"] = ModuleType("torchaudio")
        return sys.modules["torchaudio"]

    monkeypatch.setattr(importlib, "import_module", import_module)
    return tried


@pytest.mark.usefixtures("no_torchaudio")
def test_a_working_torchaudio_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = fake_import(monkeypatch, native_works=True)
    assert ensure_torchaudio() is False
    assert tried == ["torchaudio"]
    assert EXTENSION not in sys.modules


@pytest.mark.usefixtures("no_torchaudio")
def test_a_broken_native_part_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = fake_import(monkeypatch, native_works=False)
    assert ensure_torchaudio() is True
    assert tried == ["torchaudio", "torchaudio"]
    assert ensure_torchaudio() is True  # a second call changes nothing
    assert len(tried) == 2


@pytest.mark.usefixtures("no_torchaudio")
def test_a_missing_torchaudio_stays_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_import(monkeypatch, native_works=False, installed=False)
    with pytest.raises(ModuleNotFoundError):
        ensure_torchaudio()
    assert EXTENSION not in sys.modules


def test_the_stand_in_offers_what_torchaudio_asks_for() -> None:
    module = standin()

    def function() -> int:
        return 3

    assert vars(module)["fail_if_no_align"](function) is function
    assert vars(module)["_IS_TORCHAUDIO_EXT_AVAILABLE"] is False
    assert vars(module)["_IS_ALIGN_AVAILABLE"] is False


def test_the_installed_torchaudio_can_be_imported() -> None:
    ensure_torchaudio()
    import torchaudio

    assert torchaudio.__version__


@pytest.mark.slow
def test_the_module_table_can_be_walked_after_importing_speechbrain() -> None:
    done = run([sys.executable, "-c", WALK], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
