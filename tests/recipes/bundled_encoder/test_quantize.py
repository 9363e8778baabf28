from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from recipes.bundled_encoder.quantize import quantize, ranging_speech
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.training.errors import ExportUnsupported
from speakerid.training.export_onnx import export
from tests.encoders.tiny_models import write_ecapa
from tests.training.voices import speak, write_speech

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # onnxruntime's own quantizer


def test_an_int8_copy_is_close_and_has_its_own_name(tmp_path: Path) -> None:
    report = export(write_ecapa(tmp_path / "model"), tmp_path / "m.onnx", name="tiny", trained_on=["made-up voices"])
    made = quantize(tmp_path / "m.onnx", tmp_path / "m.int8.onnx", [speak(90 + 20 * i, 1.0, i) for i in range(6)])
    exact, close = OnnxEncoder.load(tmp_path / "m.onnx"), OnnxEncoder.load(tmp_path / "m.int8.onnx")
    assert made.worst_cosine > 0.98  # random weights spread their ranges; a trained model has 0.9996 and more
    assert made.fingerprint == close.fingerprint != exact.fingerprint == report.fingerprint
    assert (close.name, close.dim, close.trained_on) == ("tiny-int8", exact.dim, exact.trained_on)
    assert any(node.op_type == "QLinearConv" for node in onnx.load(str(made.path)).graph.node)
    assert close.embed([speak(100, 2.0), speak(100, 0.5)]).shape == (2, exact.dim)


def test_only_graphs_of_export_are_quantized(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    export(write_ecapa(tmp_path / "model"), path)
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.save(model, str(path))
    with pytest.raises(ExportUnsupported, match="not a graph that export"):
        quantize(path, tmp_path / "m.int8.onnx", [speak(100, 1.0)])


def test_ranging_speech_is_long_enough(tmp_path: Path) -> None:
    for i in range(6):
        write_speech(tmp_path / f"{i}.wav", speak(100, 0.5 + 0.3 * i))
    found = ranging_speech(tmp_path, files=3, seconds=1.0)
    assert [len(wave) for wave in found] == [16_000] * 3
    assert all(np.abs(wave).max() > 0 for wave in found)
