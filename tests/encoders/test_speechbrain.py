from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from speakerid.encoders.speechbrain import SpeechBrainEncoder
from speakerid.errors import EncoderFailed, EncoderNotFound
from tests.encoders.hub import Hub
from tests.encoders.tiny_models import write_ecapa, write_xvector
from tests.encoders.voices import LOW, speak


@pytest.fixture(scope="module")
def ecapa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ecapa(tmp_path_factory.mktemp("ecapa"))


@pytest.fixture
def copy(ecapa: Path, tmp_path: Path) -> Path:
    """A directory that a test may break."""
    return Path(shutil.copytree(ecapa, tmp_path / "copy"))


def test_rows_equal_speechbrains_own_encode_batch(ecapa: Path) -> None:
    """SpeechBrain's answer, L2-normalized: nothing else may happen on the way. 1e-6 is float32 rounding."""
    encoder = SpeechBrainEncoder.load(str(ecapa))
    sound = speak(LOW, 1.0)
    want = encoder.classifier.encode_batch(torch.from_numpy(sound)[None])[0, 0].numpy()
    np.testing.assert_allclose(encoder.embed([sound])[0], want / np.linalg.norm(want), atol=1e-6)


def test_fingerprint_is_yaml_then_weights_whatever_the_line_ends(copy: Path) -> None:
    yaml, weights = copy / "hyperparams.yaml", copy / "embedding_model.ckpt"
    want = hashlib.sha256(yaml.read_bytes() + weights.read_bytes()).hexdigest()
    assert SpeechBrainEncoder.load(str(copy)).fingerprint == want
    yaml.write_bytes(yaml.read_bytes().replace(b"\n", b"\r\n"))
    assert SpeechBrainEncoder.load(str(copy)).fingerprint == want
    yaml.write_text(yaml.read_text() + "# another front end\n")
    assert SpeechBrainEncoder.load(str(copy)).fingerprint != want


def test_xvector(tmp_path: Path) -> None:
    encoder = SpeechBrainEncoder.load(str(write_xvector(tmp_path / "xvect")))
    assert (encoder.name, encoder.dim, encoder.sample_rate_hz, encoder.min_samples) == ("xvect", 24, 16_000, 1_600)
    assert encoder.trained_on == ()


def test_a_card_gives_name_and_training_sets(copy: Path) -> None:
    (copy / "card.json").write_text('{"name": "ours", "trained_on": ["LibriSpeech"]}')
    encoder = SpeechBrainEncoder.load(str(copy))
    assert (encoder.name, encoder.trained_on) == ("ours", ("LibriSpeech",))


def test_a_local_copy_of_a_published_model_keeps_its_training_sets_and_stays_local(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub.instead(monkeypatch, None)
    yaml = copy / "hyperparams.yaml"
    yaml.write_text(yaml.read_text().replace("nobody/ecapa", "speechbrain/spkrec-ecapa-voxceleb"))
    assert SpeechBrainEncoder.load(str(copy)).trained_on == ("VoxCeleb1-dev", "VoxCeleb2")
    assert hub.asked == []


def test_a_hub_name_is_fetched_and_leaves_the_working_directory_alone(
    ecapa: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub.instead(monkeypatch, ecapa)
    monkeypatch.chdir(tmp_path)
    encoder = SpeechBrainEncoder.load("speechbrain/spkrec-xvect-voxceleb")
    assert (encoder.name, encoder.trained_on) == ("spkrec-xvect-voxceleb", ("VoxCeleb1-dev", "VoxCeleb2"))
    assert encoder.fingerprint == SpeechBrainEncoder.load(str(ecapa)).fingerprint
    assert ("speechbrain/spkrec-xvect-voxceleb", "hyperparams.yaml") in hub.asked
    assert os.listdir(tmp_path) == []


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    Hub.instead(monkeypatch, None)
    with pytest.raises(EncoderNotFound, match=r"someone/model is no directory.*hub does not give it"):
        SpeechBrainEncoder.load("someone/model")


@pytest.mark.parametrize("missing", ["hyperparams.yaml", "embedding_model.ckpt"])
def test_missing_files_are_named(copy: Path, missing: str) -> None:
    (copy / missing).unlink()
    with pytest.raises(EncoderNotFound, match=f"is not a SpeechBrain model: {missing} not found"):
        SpeechBrainEncoder.load(str(copy))


def test_a_file_that_only_the_yaml_names_is_named_too(copy: Path) -> None:
    yaml = copy / "hyperparams.yaml"
    yaml.write_text(yaml.read_text().replace("/embedding_model.ckpt", "/elsewhere.ckpt"))
    with pytest.raises(EncoderNotFound, match=r"names is missing: .*elsewhere\.ckpt"):
        SpeechBrainEncoder.load(str(copy))


def test_a_yaml_that_builds_no_model(copy: Path) -> None:
    (copy / "hyperparams.yaml").write_text("nothing: 1\n")
    with pytest.raises(EncoderFailed, match="cannot build a model"):
        SpeechBrainEncoder.load(str(copy))
