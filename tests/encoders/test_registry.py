from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run

import pytest

from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.encoders.registry import BUNDLED, better_encoder, load_encoder, resolve
from speakerid.encoders.speechbrain import SpeechBrainEncoder
from speakerid.errors import EncoderNotFound
from tests.encoders.tiny_models import write_ecapa, write_waveform_graph
from tests.models.wheels import Served, put


def test_each_spec_gives_its_encoder(tmp_path: Path) -> None:
    assert isinstance(load_encoder("fake"), FakeEncoder)
    assert isinstance(load_encoder(str(write_waveform_graph(tmp_path / "tiny.onnx"))), OnnxEncoder)
    assert isinstance(load_encoder(str(write_ecapa(tmp_path / "model"))), SpeechBrainEncoder)


@pytest.mark.skipif(not BUNDLED.is_file(), reason="there is no bundled encoder")
def test_without_fetched_models_the_default_is_the_bundled_one(tmp_path: Path) -> None:
    assert load_encoder().fingerprint == load_encoder("bundled").fingerprint == load_encoder("ecapa-mini").fingerprint
    assert resolve("default", tmp_path) == "bundled"
    hint = better_encoder("default", tmp_path)
    assert hint is not None
    assert "\n" not in hint
    assert "speakerid models fetch" in hint


def test_with_fetched_models_the_default_is_the_best(served: Served, tmp_path: Path) -> None:
    models = put(served, tmp_path / "models")
    best = load_encoder("default", models)
    assert (best.name, resolve("default", models)) == ("campplus+ecapa-mini", "campplus+ecapa-mini")
    assert best.dim == load_encoder("campplus", models).dim + load_encoder("bundled").dim
    assert better_encoder("default", models) is None


def test_a_chosen_encoder_brings_no_advice_about_another(tmp_path: Path) -> None:
    assert better_encoder("bundled", tmp_path) is None


@pytest.mark.parametrize("spec", ["campplus", "campplus+ecapa-mini"])
def test_an_encoder_that_was_not_fetched_names_how_to_get_it(spec: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFound, match=r"campplus\. Run 'speakerid models fetch', or 'speakerid models import'"):
        load_encoder(spec, tmp_path)


@pytest.mark.parametrize("spec", ["", "ecapa", "no/such/directory", "https://example.org/model", "../up/", "a" * 300])
def test_an_unknown_spec_lists_what_is_possible(spec: str) -> None:
    with pytest.raises(EncoderNotFound, match=r"Possible are 'default', .*'bundled'.*, a '\.onnx' file"):
        load_encoder(spec)


@pytest.mark.parametrize("name", ["gone", "a" * 300])
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(EncoderNotFound, match=rf"There is no file {name}\.onnx"):
        load_encoder(f"{name}.onnx")


def test_importing_the_registry_loads_no_runtime() -> None:
    code = (
        "import sys, speakerid.encoders.registry, speakerid.encoders.batching\n"
        "sys.exit(' '.join({'torch', 'speechbrain', 'onnxruntime', 'torchaudio'} & sys.modules.keys()) or 0)"
    )
    done = run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
