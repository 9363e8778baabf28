"""Serving must stay small: what a running service has loaded, and what a bare import loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "torchaudio",
    "speechbrain",
    "scipy",
    "sklearn",
    "matplotlib",
    "onnx",
    "faster_whisper",
    "opentelemetry.sdk",
}
SERVED = """
import sys, tempfile
from pathlib import Path
from speakerid import samples
from speakerid.api.app import create_app
from speakerid.bootstrap import build_engine
from speakerid.services.identify import identify
from speakerid.services.galleries import get
from speakerid.settings import Settings
from speakerid.cli.server.tracing import collected
import speakerid.cli.serve
with collected() as traces, tempfile.TemporaryDirectory() as folder:
    settings = Settings(store=folder + "/voices.db")
    engine = build_engine(settings, traces=traces)
    create_app(engine, settings)
    identify(engine, get(engine, "default"), samples.stranger()[0].read_bytes())
    engine.close()
print(*{name.split(".")[0] for name in sys.modules}, *({"opentelemetry.sdk"} & set(sys.modules)))
"""
# What only some requests ask for, a recording and the calibration of a gallery, where nothing heavy can be had.
ASKED = f"""
import sys, tempfile
sys.modules.update(dict.fromkeys({HEAVY}))
from speakerid import SpeakerID, samples
with tempfile.TemporaryDirectory() as folder, SpeakerID.open(folder + "/voices.db") as sid:
    for name, files in samples.voices().items():
        sid.enroll(name, *files.enroll[:2])
    print(len(sid.recording(files.enroll[0]).turns), sid.calibrate(dry_run=True).speakers)
"""
BARE = "import sys, speakerid; print(*{name.split('.')[0] for name in sys.modules})"


def _loaded(program: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    return set(ran.stdout.split())


def test_a_service_that_identified_has_loaded_no_training_library() -> None:
    loaded = _loaded(SERVED)
    assert {"onnxruntime", "faiss", "fastapi"} <= loaded  # it really did the work
    assert loaded & HEAVY == set()


@pytest.mark.slow
def test_recordings_and_calibrations_need_no_optional_library_either() -> None:
    assert _loaded(ASKED) == {"1", "7"}  # turns, speakers


@pytest.mark.parametrize("library", ["numpy", "onnxruntime", "sqlalchemy", "fastapi", "torch"])
def test_a_bare_import_loads_nothing(library: str) -> None:
    assert library not in _loaded(BARE)
