from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run

import pytest

from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.encoders.registry import BUNDLED, load_encoder
from speakerid.encoders.speechbrain import SpeechBrainEncoder
from speakerid.errors import EncoderNotFound
from tests.encoders.tiny_models import write_ecapa, write_waveform_graph


def test_each_spec_gives_its_encoder(tmp_path: Path) -> None:
    assert isinstance(load_encoder("fake"), FakeEncoder)
    assert isinstance(load_encoder(str(write_waveform_graph(tmp_path / "tiny.onnx"))), OnnxEncoder)
    assert isinstance(load_encoder(str(write_ecapa(tmp_path / "model"))), SpeechBrainEncoder)


@pytest.mark.skipif(not BUNDLED.is_file(), reason="there is no bundled encoder")
def test_bundled_is_the_default() -> None:
    assert load_encoder().fingerprint == load_encoder("bundled").fingerprint


@pytest.mark.parametrize("spec", ["", "ecapa", "no/such/directory", "https://example.org/model", "../up/"])
def test_an_unknown_spec_lists_what_is_possible(spec: str) -> None:
    with pytest.raises(EncoderNotFound, match=r"Possible are 'bundled', a '\.onnx' file"):
        load_encoder(spec)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(EncoderNotFound, match=r"There is no file gone\.onnx"):
        load_encoder("gone.onnx")


def test_importing_the_registry_loads_no_runtime() -> None:
    code = (
        "import sys, speakerid.encoders.registry, speakerid.encoders.batching\n"
        "sys.exit(' '.join({'torch', 'speechbrain', 'onnxruntime', 'torchaudio'} & sys.modules.keys()) or 0)"
    )
    done = run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
