"""From what an operator writes to an Encoder: `bundled`, a file, a directory, a hub name or `fake`."""

from __future__ import annotations

import re
from pathlib import Path

from speakerid.encoders.base import Encoder
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderNotFound

BUNDLED = Path(__file__).parent / "bundled" / "model.onnx"
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
POSSIBLE = (
    "'bundled', a '.onnx' file, a SpeechBrain model directory, a hub name such as "
    "'speechbrain/spkrec-ecapa-voxceleb', or 'fake' (tests only)"
)


def load_encoder(spec: str = "bundled") -> Encoder:
    """Load the encoder that `spec` names.

    Raises `EncoderNotFound` when there is none. A directory or hub name can run code from its YAML file: pass
    only what the operator chose, never anything that came with a request.
    """
    if spec == "fake":
        return FakeEncoder()
    if spec == "bundled":
        return _onnx(BUNDLED)
    if spec.endswith(".onnx"):
        return _onnx(Path(spec))
    if (spec and Path(spec).is_dir()) or HUB_NAME.fullmatch(spec):
        return _speechbrain(spec)
    raise EncoderNotFound(f"There is no encoder {spec!r}. Possible are {POSSIBLE}.")


def calibration_file(spec: str) -> Path:
    """Where the calibration of the encoder that `spec` names lies, if it has one."""
    if spec == "fake":
        return Path(__file__).with_name("fake.calibration.json")
    if spec == "bundled" or spec.endswith(".onnx"):
        return (BUNDLED if spec == "bundled" else Path(spec)).with_suffix(".calibration.json")
    return Path(spec) / "calibration.json"


def cohort_file(spec: str) -> Path:
    """Where the cohort of AS-norm for the encoder that `spec` names lies, if it has one."""
    beside = calibration_file(spec)
    return beside.with_name(beside.name.replace("calibration.json", "cohort.npz"))


# The imports below sit inside functions on purpose: loading this module must load neither torch (1.2 s and
# 160 MB, which a server on ONNX never needs) nor onnxruntime.


def _onnx(path: Path) -> Encoder:
    from speakerid.encoders.onnx import OnnxEncoder

    return OnnxEncoder.load(path)


def _speechbrain(source: str) -> Encoder:
    from speakerid.encoders.speechbrain import SpeechBrainEncoder

    return SpeechBrainEncoder.load(source)
