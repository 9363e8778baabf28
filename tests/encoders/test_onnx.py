from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from subprocess import run

import numpy as np
import onnx
import pytest

from speakerid.encoders.card import EXAMPLE
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.errors import EncoderNotFound
from tests.encoders.tiny_models import write_fbank_graph, write_waveform_graph
from tests.encoders.voices import HIGH, LOW, speak


def test_metadata_describes_an_export(tmp_path: Path) -> None:
    encoder = OnnxEncoder.load(write_waveform_graph(tmp_path / "tiny.onnx"))
    assert (encoder.name, encoder.fingerprint, encoder.dim) == ("tiny", "ab" * 32, 24)
    assert (encoder.sample_rate_hz, encoder.min_samples, encoder.trained_on) == (16_000, 1_600, ("nothing",))


def test_a_third_party_file_needs_a_card_and_names_it(tmp_path: Path) -> None:
    path = write_fbank_graph(tmp_path / "foreign.onnx")
    with pytest.raises(EncoderNotFound, match=r"does not name its front end.*foreign\.json.*kaldi_fbank_80"):
        OnnxEncoder.load(path)


def test_a_third_party_file_with_a_card(tmp_path: Path) -> None:
    path = write_fbank_graph(tmp_path / "foreign.onnx")
    card = tmp_path / "foreign.json"
    card.write_text(EXAMPLE)
    encoder = OnnxEncoder.load(path)
    assert (encoder.name, encoder.dim, encoder.trained_on) == ("wespeaker-resnet34", 24, ("VoxCeleb2",))
    front_end = (
        b'{"front_end": "kaldi_fbank_80", "level_rms": 0.316, "sample_rate_hz": 16000, "sample_scale": 32768.0, '
        b'"window": "hamming"}'
    )
    assert encoder.fingerprint == hashlib.sha256(path.read_bytes() + front_end).hexdigest()
    rows = encoder.embed([speak(LOW, 1.0, 1), speak(LOW, 1.0, 2), speak(HIGH, 1.0, 1)])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_another_front_end_is_another_fingerprint(tmp_path: Path) -> None:
    path = write_fbank_graph(tmp_path / "foreign.onnx")
    fingerprints = set()
    for window in ("povey", "hamming"):
        path.with_suffix(".json").write_text(f'{{"front_end": "kaldi_fbank_80", "window": "{window}"}}')
        fingerprints.add(OnnxEncoder.load(path).fingerprint)
    assert len(fingerprints) == 2


def test_a_quiet_recording_lies_no_nearer_to_the_floor(tmp_path: Path) -> None:
    path = write_fbank_graph(tmp_path / "foreign.onnx")
    path.with_suffix(".json").write_text('{"front_end": "kaldi_fbank_80", "window": "povey"}')
    encoder, voice = OnnxEncoder.load(path), speak(LOW, 1.0)
    plain, quiet, loud = encoder.embed([voice, voice * np.float32(0.003), voice * np.float32(2.0)])
    assert plain @ quiet == pytest.approx(1.0, abs=1e-6)
    assert plain @ loud == pytest.approx(1.0, abs=1e-6)


def test_what_a_card_holds_besides_the_front_end_changes_no_fingerprint(tmp_path: Path) -> None:
    path = write_fbank_graph(tmp_path / "foreign.onnx")
    fingerprints = set()
    for more in ("", ', "name": "mine"', ', "trained_on": ["VoxCeleb2"], "sample_scale": 1, "window": "povey"'):
        path.with_suffix(".json").write_text(f'{{"front_end": "kaldi_fbank_80"{more}}}')
        fingerprints.add(OnnxEncoder.load(path).fingerprint)
    assert len(fingerprints) == 1


def test_one_flipped_bit_of_an_export_is_another_encoder(tmp_path: Path) -> None:
    """Its metadata still carries the fingerprint of what it was."""
    path = write_waveform_graph(tmp_path / "tiny.onnx")
    data = bytearray(path.read_bytes())
    data[data.index(b"filters") + 500] ^= 1  # in the weights
    path.write_bytes(data)
    encoder = OnnxEncoder.load(path)
    assert encoder.name == "tiny"
    assert encoder.fingerprint == hashlib.sha256(data).hexdigest()


def test_a_copy_with_other_weights_and_the_same_words_is_another_encoder(tmp_path: Path) -> None:
    path = write_waveform_graph(tmp_path / "tiny.onnx")
    model = onnx.load(path)
    weights = next(one for one in model.graph.initializer if one.name == "projection")
    weights.CopyFrom(onnx.numpy_helper.from_array(2 * onnx.numpy_helper.to_array(weights), "projection"))
    onnx.save(model, path)
    assert OnnxEncoder.load(path).fingerprint == hashlib.sha256(path.read_bytes()).hexdigest() != "ab" * 32


def test_a_card_that_does_not_fit_the_graph(tmp_path: Path) -> None:
    path = write_fbank_graph(tmp_path / "foreign.onnx")
    path.with_suffix(".json").write_text('{"front_end": "waveform"}')
    with pytest.raises(EncoderNotFound, match=r"does not take what its card says \(waveform\)"):
        OnnxEncoder.load(path)


def test_no_file_and_no_graph(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFound, match="There is no file"):
        OnnxEncoder.load(tmp_path / "none.onnx")
    text = tmp_path / "text.onnx"
    text.write_text("not a graph")
    with pytest.raises(EncoderNotFound, match="is not an ONNX model"):
        OnnxEncoder.load(text)


def test_the_serving_path_loads_no_torch(tmp_path: Path) -> None:
    path = write_waveform_graph(tmp_path / "tiny.onnx")
    code = (
        "import sys, numpy as np; from speakerid.encoders.registry import load_encoder\n"
        f"load_encoder({str(path)!r}).embed([np.random.default_rng(0).standard_normal(16000).astype(np.float32)])\n"
        "sys.exit(' '.join({'torch', 'speechbrain', 'torchaudio'} & sys.modules.keys()) or 0)"
    )
    done = run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
